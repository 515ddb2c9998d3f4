/** Who somebody is at a glance: initials on a colour of their own. */

import { h, icon } from "./dom.js";

const COLOURS = 7;
const BOT_COLOUR = 6;

/** Return the number of the colour that stands for a person, a group or the bot. */
export function colourOf(id, session) {
  if (id === session.bot.id) return BOT_COLOUR;
  const index = session.people.findIndex((person) => person.id === id);
  return index >= 0 ? index % COLOURS : Math.abs(Number(id) || 0) % COLOURS;
}

/** Return a person's avatar; names stand beside it, so it says nothing to screen readers. */
export function avatar(person, session, size = "medium") {
  return circle(initials(person.name), size, colourOf(person.id, session));
}

/** Return the avatar of a chat: the bot's or a group's. */
export function chatAvatar(entry, session, size = "medium") {
  if (entry.kind === "private") return botAvatar(size);
  return circle(initials(entry.title), size, colourOf(entry.id, session));
}

/** Return the bot's avatar. */
export function botAvatar(size = "medium") {
  return h(`span.avatar.bot.${size}`, { "aria-hidden": "true" }, icon("shield", 24));
}

/** Return the avatar of whoever wrote a message. */
export function senderAvatar(message, session, size) {
  const person = session.user(message.sender);
  if (message.is_bot) return botAvatar(size);
  return avatar(person ?? { id: String(message.sender), name: message.sender_name }, session, size);
}

function circle(text, size, colour) {
  return h(`span.avatar.${size}`, { "aria-hidden": "true", "data-colour": colour }, text);
}

/** Return what colleagues call somebody. */
export function firstName(person) {
  return person.first_name || person.name.split(/\s+/)[0];
}

/** Return the initials of the Latin part of a name, or the first character of another. */
function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  const latin = words.filter((word) => /^\p{Script=Latin}/u.test(word));
  const [first = "?", ...rest] = latin.length ? latin : words.slice(0, 1);
  return ([...first][0] + ([...(rest.at(-1) ?? "")][0] ?? "")).toUpperCase();
}
