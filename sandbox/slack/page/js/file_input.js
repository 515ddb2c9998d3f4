/** A file input: files from the visitor's own machine, chosen or dropped. */

import { Failure } from "./api.js";
import { h, icon } from "./dom.js";
import { kindOf, sizeOf } from "./files.js";

/** What Slack takes, unless the app says fewer. */
const MOST_FILES = 10;
const LARGEST = 10 * 1024 * 1024;

/** Return a file input. */
export function fileInput(handle) {
  return new FileInput(handle).root;
}

class FileInput {
  constructor(handle) {
    this.handle = handle;
    this.most = handle.element.max_files ?? MOST_FILES;
    this.endings = (handle.element.filetypes ?? []).map((ending) => ending.toLowerCase());
    /** Names of files on their way. */
    this.coming = [];
    this.build();
    this.show();
  }

  build() {
    this.input = h("input.unseen", {
      type: "file",
      accept: this.endings.map((ending) => `.${ending}`).join(",") || null,
      multiple: this.most > 1,
      ...this.handle.described,
      onchange: () => this.take([...this.input.files]),
    });
    this.list = h("ul.given", { hidden: true });
    this.choose = h(
      "div.choose",
      { onclick: (event) => event.target.closest("button") && this.input.click() },
      h(
        "button.button",
        // The input itself is what the keyboard and screen readers reach.
        { type: "button", tabIndex: -1, "aria-hidden": "true" },
        icon("upload", 17),
        this.most > 1 ? "Choose files" : "Choose a file",
      ),
      h("span.drop", {}, "or drop it here"),
    );
    this.root = h(
      "div.file-input",
      {
        ondragover: (event) => this.hover(event),
        ondragleave: () => this.root.classList.remove("over"),
        ondrop: (event) => this.drop(event),
      },
      this.input,
      this.list,
      this.choose,
    );
  }

  get files() {
    return this.handle.value ?? [];
  }

  show() {
    const rows = this.files.map((file) => this.row(file.name, sizeOf(file.size), file));
    rows.push(...this.coming.map((name) => this.row(name, "Sending…")));
    this.list.replaceChildren(...rows);
    this.list.hidden = rows.length === 0;
    this.choose.hidden = rows.length >= this.most;
  }

  row(name, told, file) {
    const drop = () => {
      this.handle.complain("");
      this.keep(this.files.filter((each) => each !== file));
      this.input.focus();
    };
    const side = file
      ? h(
          "button.icon-button",
          { type: "button", "aria-label": `Remove ${name}`, title: "Remove", onclick: drop },
          icon("close", 16),
        )
      : h("span.spinner", { "aria-hidden": "true" });
    return h(
      "li.file-card",
      {},
      kindOf(name),
      h("span.file-names", {}, h("strong", { title: name }, name), h("span", {}, told)),
      side,
    );
  }

  hover(event) {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    this.root.classList.add("over");
  }

  drop(event) {
    event.preventDefault();
    this.root.classList.remove("over");
    this.take([...event.dataTransfer.files]);
  }

  /** Send what is chosen; one file takes the place of another where there may be only one. */
  async take(chosen) {
    this.input.value = "";
    if (!chosen.length) return;
    const kept = this.most > 1 ? this.files : [];
    const problem = this.problemOf(chosen, kept.length + this.coming.length);
    this.handle.complain(problem);
    if (problem) return;
    this.keep(kept);
    await Promise.all(chosen.map((file) => this.send(file)));
  }

  problemOf(chosen, count) {
    if (count + chosen.length > this.most)
      return `Please add at most ${this.most} file${this.most > 1 ? "s" : ""}.`;
    for (const file of chosen) {
      const ending = file.name.split(".").pop().toLowerCase();
      if (this.endings.length && !this.endings.includes(ending))
        return `Please choose a file of type ${this.endings.join(", ")}.`;
      if (!file.size) return "This file is empty.";
      if (file.size > LARGEST) return `Please choose a file of at most ${LARGEST / 1024 ** 2} MB.`;
    }
    return "";
  }

  async send(file) {
    this.coming.push(file.name);
    this.show();
    try {
      const given = await this.handle.surface.give(this.handle.block, file);
      this.handle.keep([...this.files, given]);
    } catch (problem) {
      if (!(problem instanceof Failure)) throw problem;
      this.handle.complain(problem.message);
    } finally {
      this.coming.splice(this.coming.indexOf(file.name), 1);
      this.show();
    }
  }

  keep(files) {
    this.handle.keep(files);
    this.show();
  }
}
