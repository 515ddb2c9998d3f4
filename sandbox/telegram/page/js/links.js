/** Follows links: those into Telegram stay in this page, all others open beside it. */

import { act } from "./api.js";
import { guarded } from "./guard.js";

/** Whether an address leads into Telegram. */
export function isDeep(href) {
  let url;
  try {
    url = new URL(href);
  } catch {
    return false;
  }
  return url.protocol === "tg:" || ["t.me", "telegram.me"].includes(url.hostname);
}

/** Return a `tg:` link in its other spelling. */
function spelt(href) {
  const url = new URL(href);
  if (url.protocol !== "tg:") return href;
  const { domain = "", start = "" } = Object.fromEntries(url.searchParams);
  return `https://t.me/${encodeURIComponent(domain)}?${new URLSearchParams({ start })}`;
}

/** Follow a link into Telegram; whatever it leads to opens. */
export const follow = guarded(async (session, url) => {
  const { person } = session;
  const { chat } = await act("link", { user: person.id, url: spelt(url) });
  if (person !== session.person) return;
  session.goTo(chat ?? person.id);
  session.tell("sent");
});
