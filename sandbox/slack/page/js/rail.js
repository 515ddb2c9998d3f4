/** The rail at the left: the workspace's name, channels and the app. */

import { avatar } from "./avatar.js";
import { time } from "./dates.js";
import { h, icon } from "./dom.js";

/** Shows where the person can go, and where something is unread. */
export class Rail {
  constructor(session) {
    this.session = session;
    this.body = h("div.rail-body");
    this.foot = h("div.rail-foot");
    this.name = h("strong");
    this.root = h(
      "nav.rail",
      { "aria-label": "Channels" },
      h(
        "header.rail-header",
        {},
        h("span.team-sign", { "aria-hidden": "true" }, icon("app", 22)),
        h("span.team-names", {}, this.name, h("small", {}, "sandbox workspace")),
      ),
      this.body,
      this.foot,
    );
  }

  show() {
    const { session } = this;
    this.name.textContent = session.team.name;
    const focused = document.activeElement?.closest(".rail-item")?.dataset.id;
    const channels = session.inbox.filter((entry) => entry.kind === "channel");
    const apps = session.inbox.filter((entry) => entry.kind === "im");
    this.body.replaceChildren(
      ...section(
        "Channels",
        channels.map((entry) => this.item(entry)),
      ),
      ...section(
        "Apps",
        apps.map((entry) => this.item(entry)),
      ),
    );
    if (focused) this.body.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
    this.showPerson();
  }

  item(entry) {
    const { session } = this;
    const isHere = session.place?.channel === entry.id;
    const isApp = entry.kind === "im";
    const name = isApp ? session.app.name : entry.name;
    const label = entry.unread ? `${name}, ${entry.unread} unread` : name;
    return h(
      "button.rail-item",
      {
        type: "button",
        class: [isHere && "here", entry.unread > 0 && "unread"].filter(Boolean).join(" "),
        "aria-current": isHere ? "page" : null,
        "aria-label": label,
        data: { id: entry.id },
        onclick: () =>
          session.goTo({
            channel: entry.id,
            tab: isApp ? (isHere ? session.place.tab : "messages") : undefined,
          }),
      },
      isApp ? avatar(null, session, "tiny") : icon("hash", 17),
      h("span.rail-name", {}, name),
      entry.unread > 0 &&
        h("span.badge.count", { class: isApp ? "strong" : "" }, String(entry.unread)),
    );
  }

  /** Show who acts and what time it is there. */
  showPerson() {
    const { person } = this.session;
    this.foot.replaceChildren(
      avatar(person, this.session, "small"),
      h(
        "span.rail-person",
        {},
        h("strong", {}, person.real_name || person.name),
        h(
          "small",
          {},
          `${time(person, new Date())} · ${person.tz.split("/").at(-1).replaceAll("_", " ")}`,
        ),
      ),
    );
  }
}

function section(title, items) {
  return items.length ? [h("h2", {}, title), ...items] : [];
}
