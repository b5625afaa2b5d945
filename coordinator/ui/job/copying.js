// The copy of a job's output to its own place: that it failed, what helps, and the button that asks for it again.

import { Problem, ask } from "../lib/api.js";
import { h, put, redraw } from "../lib/dom.js";
import { pause } from "../lib/feed.js";
import { failure, problemIn } from "../lib/view.js";

/** Time between two questions about a copy that goes on, in seconds. The server holds each until there is news. */
const ASK_AGAIN = 1;

export class Copying {
  #job;
  #signal;
  #output = "its place";
  #busy = false;
  /** Whether a copy was asked for here: then its end is known better here than in the job that was read before. */
  #begun = false;
  #notice = h("div");
  /** It is there before it says something, else readers of screens miss it. */
  #words = h("div", { role: "status", tabindex: "-1" });

  constructor(place, job, signal) {
    [this.#job, this.#signal] = [job, signal];
    put(place, this.#notice, this.#words);
  }

  /** Shows what a job that ended tells of its copy. */
  draw(job) {
    if (this.#begun) return;
    this.#output = job.spec?.output ?? this.#output;
    if (job.publish_failed) this.#failed(problemIn(job.publish_failed), "The results were made, but their copy failed");
  }

  #failed(problem, title) {
    this.#busy = false;
    put(this.#words);
    const button = h("button", { type: "button", id: "copy-again", class: "primary", onclick: () => this.#busy || this.#again() }, "Copy again");
    const aim = h("span", {}, "To ", h("span", { class: "mono" }, this.#output), ": what is there already stays as it is. Meanwhile the files can be downloaded here.");
    redraw(this.#notice, failure({ ...problem, message: problem.message, title }, null, { fix: [button, aim] }));
  }

  #say(text) {
    put(this.#words, h("div", { class: "notice" }, h("p", {}, text)));
  }

  async #again() {
    [this.#busy, this.#begun] = [true, true];
    const button = this.#notice.querySelector("#copy-again");
    // a disabled button would lose the focus
    button.setAttribute("aria-disabled", "true");
    put(button, "Copying…");
    this.#say("The copy was asked for.");
    try {
      while ((await ask(`/v1/jobs/${this.#job}/publish`, { method: "POST", signal: this.#signal })).status === 202) {
        this.#say(`The files are being copied to ${this.#output}. The copy goes on when this page is left.`);
        await pause(ASK_AGAIN, this.#signal);
      }
      put(this.#notice);
      this.#say(`The results were copied to ${this.#output}.`);
      this.#words.focus();
    } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Problem)) console.error(error);
      this.#failed(error, error.status ? "The copy failed again" : "It is not known whether the copy was made");
    }
  }
}
