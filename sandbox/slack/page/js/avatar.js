/** Who somebody is at a glance: initials on a colour of their own, and the app's own sign. */

import { h, icon } from "./dom.js";

const COLOURS = 8;

/** Return an avatar; names stand beside it, so it says nothing to screen readers. */
export function avatar(user, session, size = "medium") {
  if (!user || user.is_bot)
    return h(`span.avatar.app-avatar.${size}`, { "aria-hidden": "true" }, icon("app", 24));
  const index = session.people.findIndex((person) => person.id === user.id);
  return h(
    `span.avatar.${size}`,
    { "aria-hidden": "true", "data-colour": ((index % COLOURS) + COLOURS) % COLOURS },
    initials(user.real_name || user.name),
  );
}

/** Return what colleagues call somebody. */
export function firstName(person) {
  return (person.real_name || person.name).split(/\s+/)[0];
}

/** Return the initials of the Latin part of a name, or the first character of another. */
export function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  const latin = words.filter((word) => /^\p{Script=Latin}/u.test(word));
  const [first = "?", ...rest] = latin.length ? latin : words.slice(0, 1);
  return (first[0] + (rest.at(-1)?.[0] ?? "")).toUpperCase();
}
