/** The app's Home tab: the person's own page in the app. */

import { read } from "./api.js";
import { avatar } from "./avatar.js";
import { renderBlocks } from "./blocks.js";
import { h } from "./dom.js";
import { Surface } from "./surface.js";

/** Shows the Home tab. */
export class Home {
  constructor(session) {
    this.session = session;
    this.inner = h("div.home-inner");
    this.root = h("div.home", { tabindex: "-1", role: "region", "aria-label": "Home" }, this.inner);
    this.key = null;
  }

  /** Tell the app that its Home is opened, and show it. */
  open() {
    this.key = null;
    this.inner.replaceChildren(
      h(
        "div.skeleton.wide",
        { role: "status", "aria-label": "Loading" },
        ...Array.from({ length: 5 }, () => h("i")),
      ),
    );
    return this.fetch("home");
  }

  /** Show the Home as the app published it last. */
  refresh() {
    return this.fetch("homeview");
  }

  async fetch(path) {
    const { person } = this.session;
    const { view } = await read(path, { user: person.id });
    if (person === this.session.person) this.show(view);
  }

  show(view) {
    const key = view ? `${this.session.person.id} ${view.hash}` : "";
    if (key === this.key) return;
    const isSame = this.view?.id === view?.id && this.key;
    this.key = key;
    this.view = view;
    if (!view) {
      this.inner.replaceChildren(this.emptiness());
      return;
    }
    const surface = new Surface(this.session, { type: "home" }, view.state);
    if (isSame && this.surface) surface.keepFrom(this.surface);
    this.surface = surface;
    this.inner.lang = this.session.person.locale;
    this.inner.replaceChildren(...grouped(view.blocks, renderBlocks(view.blocks, surface)));
  }

  emptiness() {
    return h(
      "div.empty",
      {},
      avatar(null, this.session, "large"),
      h("h2", {}, `This is ${this.session.app.name}’s Home`),
      h("p", {}, "The app has put nothing here yet."),
    );
  }
}

/** Lay blocks between dividers on sheets of their own. */
function grouped(blocks, nodes) {
  const sheets = [];
  let sheet = null;
  blocks.forEach((block, index) => {
    if (block.type === "divider") {
      sheet = null;
      return;
    }
    if (!sheet) sheets.push((sheet = h("section.sheet")));
    sheet.append(nodes[index]);
  });
  return sheets;
}
