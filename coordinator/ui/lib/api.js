// Requests to the public API of this address. The token, if one is needed, lives in the memory of this page alone.

let token = "";

/** What went wrong, as the API tells it (RFC 9457) or as the network left it. */
export class Problem extends Error {
  constructor(document) {
    super(document.detail || document.title || "unknown");
    this.title = document.title || "Something went wrong";
    this.status = document.status || 0;
    this.slug = String(document.type || "").replace("/problems/", "");
    this.errors = document.errors || [];
    this.requestId = document.request_id || "";
  }
}

/** Uses a token for every further request; an empty one is none. */
export const useToken = (text) => { token = text.trim(); };
export const hasToken = () => token !== "";

/** Headers that every request carries. */
export function headersOf(more = {}) {
  return token ? { authorization: `Bearer ${token}`, ...more } : { ...more };
}

/** A request; throws a Problem. */
export async function ask(path, { method = "GET", body, headers = {}, signal } = {}) {
  const all = headersOf(headers);
  let sent = body;
  if (body !== undefined && !(body instanceof Blob)) {
    all["content-type"] = "application/json";
    sent = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, { method, headers: all, body: sent, signal, cache: "no-cache" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ title: "No answer", detail: "The server cannot be reached. It may have been stopped, or the network is away." });
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function problemOf(response) {
  const fallback = { title: `Status ${response.status}`, status: response.status, detail: response.statusText };
  const document = await response.json().catch(() => fallback);
  const problem = new Problem({ status: response.status, ...document });
  if (problem.status === 401) dispatchEvent(new Event("token-needed"));
  return problem;
}

/** A JSON document. */
export async function json(path, options) {
  const response = await ask(path, options);
  return response.status === 204 ? null : response.json();
}

/** Text. */
export const text = async (path, options) => (await ask(path, options)).text();

/** All items of a list, page after page, at most `most`. */
export async function list(path, { signal, most = 1000 } = {}) {
  const items = [];
  let cursor = null;
  do {
    const joined = cursor ? `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}` : path;
    const page = await json(joined, { signal });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < most);
  return items;
}

/** A picture as an element, or the sentence that says why there is none. */
export function picture(path, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", path);
    for (const [name, value] of Object.entries(headersOf({ accept: "image/svg+xml" }))) request.setRequestHeader(name, value);
    // the browser reads it as a document of its own, in which no script runs
    request.responseType = "document";
    request.overrideMimeType("image/svg+xml");
    request.onload = () => {
      const found = request.responseXML?.documentElement;
      if (request.status >= 400) reject(new Problem({ status: request.status, title: "No picture", detail: "There is no such picture of this candidate." }));
      else if (found?.localName === "svg") resolve(document.importNode(found, true));
      else resolve(Object.assign(document.createElement("p"), { className: "quiet", textContent: found?.textContent || "nothing to draw" }));
    };
    request.onerror = () => reject(new Problem({ title: "No answer", detail: "The server cannot be reached." }));
    signal?.addEventListener("abort", () => request.abort());
    request.send();
  });
}

/** Hands a file to the person: by link where no token is needed, else fetched with it. */
export async function download(path, name) {
  let href = path;
  if (token) href = URL.createObjectURL(await (await ask(path)).blob());
  const link = Object.assign(document.createElement("a"), { href, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  if (token) setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
