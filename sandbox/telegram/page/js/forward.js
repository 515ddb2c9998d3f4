/** Forwards a message into another chat of the same person. */

import { act } from "./api.js";
import { chatAvatar } from "./avatar.js";
import { overlay } from "./dialogs.js";
import { h, iconButton, newId } from "./dom.js";
import { guarded } from "./guard.js";
import { moved } from "./popover.js";

/** Ask where to, then forward. */
export function forward(session, message) {
  const titleId = newId("title");
  const send = guarded(async (entry) => {
    const { person, chat } = session;
    close();
    await act("forward", { user: person.id, chat, id: message.id, to: entry.id });
    if (person !== session.person) return;
    session.goTo(entry.id);
    session.tell("sent");
  });
  const items = session.chats.map((entry) =>
    h(
      "button.item.person",
      { type: "button", onclick: () => send(entry) },
      chatAvatar(entry, session, "medium"),
      h("span.names", {}, h("strong", {}, entry.title), h("small", {}, kindOf(entry, session))),
    ),
  );
  const box = h(
    "div.dialog.choosing",
    { role: "dialog", "aria-labelledby": titleId },
    h(
      "header",
      {},
      h("h2", { id: titleId }, "Forward to…"),
      iconButton("close", "Close", () => close()),
    ),
    h(
      "div.menu",
      {
        onkeydown: (event) =>
          items[moved(event, items, items.indexOf(document.activeElement))]?.focus(),
      },
      items,
    ),
  );
  const close = overlay(box);
  items[0]?.focus();
}

/** Return what kind of chat an entry is, in words. */
export function kindOf(entry, session) {
  if (entry.kind === "private") return "bot";
  const count = session.groups.get(entry.id)?.members.length ?? 0;
  return count === 1 ? "1 member" : `${count} members`;
}
