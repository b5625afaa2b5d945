// A first look at a file on this machine, before anything is sent: its first lines, cut by the commonest delimiter. The
// server reads the whole file by its own rules; what stands here is a preview and decides nothing.

const DELIMITERS = [",", ";", "\t", "|"];
const BYTES = 256 << 10;

/** Records of a text: quotes may hold delimiters and line ends. */
export function records(text, delimiter, most = 51) {
  const rows = [];
  let row = [];
  let field = "";
  let quoted = false;
  for (let at = 0; at < text.length && rows.length < most; at += 1) {
    const char = text[at];
    if (quoted) {
      if (char !== '"') field += char;
      else if (text[at + 1] === '"') { field += '"'; at += 1; } else quoted = false;
    } else if (char === '"' && field === "") quoted = true;
    else if (char === delimiter) { row.push(field); field = ""; } else if (char === "\n" || char === "\r") {
      if (char === "\r" && text[at + 1] === "\n") at += 1;
      row.push(field);
      if (row.length > 1 || row[0] !== "") rows.push(row);
      row = [];
      field = "";
    } else field += char;
  }
  if (rows.length < most && (field !== "" || row.length)) rows.push([...row, field]);
  return rows;
}

/** The delimiter that cuts the first records most evenly into the most fields. */
export function delimiterOf(text) {
  const rate = (delimiter) => {
    const rows = records(text, delimiter, 20);
    const width = rows[0]?.length ?? 0;
    return width < 2 ? 0 : (rows.filter((row) => row.length === width).length / rows.length) * width;
  };
  return DELIMITERS.reduce((best, delimiter) => (rate(delimiter) > rate(best) ? delimiter : best));
}

/** The first rows of a file as {header, rows}; null where it is no text. */
export async function preview(file) {
  const bytes = new Uint8Array(await file.slice(0, BYTES).arrayBuffer());
  if (bytes.includes(0)) return null;
  let text = new TextDecoder("utf-8").decode(bytes);
  // the last line is likely cut
  if (file.size > BYTES) text = text.slice(0, text.lastIndexOf("\n") + 1);
  const [header, ...rows] = records(text, delimiterOf(text));
  return header ? { header, rows: rows.map((row) => row.map((field) => field.slice(0, 400))) } : null;
}
