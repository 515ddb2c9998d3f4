/** Dates and times as the chat shows them. */

const DAY = 86_400_000;
const LANGUAGE = "en-GB";
const TIME = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "full", timeStyle: "medium" });
const WEEKDAY = new Intl.DateTimeFormat(LANGUAGE, { weekday: "short" });
const SHORT = new Intl.DateTimeFormat(LANGUAGE, {
  day: "2-digit",
  month: "2-digit",
  year: "2-digit",
});
const THIS_YEAR = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "long" });
const OTHER_YEAR = new Intl.DateTimeFormat(LANGUAGE, {
  day: "numeric",
  month: "long",
  year: "numeric",
});

/** Return the instant of a date as the server tells it: seconds since 1970, or ISO 8601. */
export function instantOf(date) {
  return new Date(typeof date === "number" ? date * 1000 : date);
}

export function time(instant) {
  return TIME.format(instant);
}

export function dateAndTime(instant) {
  return FULL.format(instant);
}

/** Return a calendar day as a number, so that days can be compared and subtracted. */
export function dayNumber(instant) {
  return Date.UTC(instant.getFullYear(), instant.getMonth(), instant.getDate()) / DAY;
}

/** Return the day as it stands between messages. */
export function dayName(instant, now = new Date()) {
  const past = dayNumber(now) - dayNumber(instant);
  if (past === 0) return "Today";
  if (past === 1) return "Yesterday";
  return (instant.getFullYear() === now.getFullYear() ? THIS_YEAR : OTHER_YEAR).format(instant);
}

/** Return when something was, as short as the list of chats has it. */
export function briefly(instant, now = new Date()) {
  const past = dayNumber(now) - dayNumber(instant);
  if (past === 0) return time(instant);
  return (past > 0 && past < 7 ? WEEKDAY : SHORT).format(instant);
}
