/** Dates and times as a person reads them: in their own language and zone. */

const DAY = 86_400_000;
const formats = new Map();

function format(person, options) {
  const key = `${person.locale}|${person.tz}|${JSON.stringify(options)}`;
  if (!formats.has(key)) {
    let made;
    try {
      made = new Intl.DateTimeFormat(person.locale, { timeZone: person.tz, ...options });
    } catch {
      // A directory may hold a zone or language that this browser does not know.
      made = new Intl.DateTimeFormat("en", { timeZone: "UTC", ...options });
    }
    formats.set(key, made);
  }
  return formats.get(key);
}

/** Return the instant of a message's timestamp. */
export function instantOf(ts) {
  return new Date(Number(ts) * 1000);
}

export function time(person, instant) {
  return format(person, { hour: "2-digit", minute: "2-digit" }).format(instant);
}

export function dateAndTime(person, instant) {
  return format(person, { dateStyle: "full", timeStyle: "medium" }).format(instant);
}

/** Return a calendar day as a number, so that days can be compared and subtracted. */
export function dayNumber(person, instant) {
  const parts = Object.fromEntries(
    format(
      { locale: "en-u-ca-gregory", tz: person.tz },
      { year: "numeric", month: "numeric", day: "numeric" },
    )
      .formatToParts(instant)
      .map((part) => [part.type, part.value]),
  );
  return Date.UTC(Number(parts.year), Number(parts.month) - 1, Number(parts.day)) / DAY;
}

/** Return "Today", "Yesterday" or the day, in the page's own language. */
export function dayName(person, instant, now = new Date()) {
  const reader = { locale: "en-GB", tz: person.tz };
  const past = dayNumber(person, now) - dayNumber(person, instant);
  if (past === 0 || past === 1) return relativeDay(reader, -past);
  const options = { weekday: "long", day: "numeric", month: "long" };
  if (past > 300 || past < 0) options.year = "numeric";
  return format(reader, options).format(instant);
}

function relativeDay(person, days) {
  let words;
  try {
    words = new Intl.RelativeTimeFormat(person.locale, { numeric: "auto" }).format(days, "day");
  } catch {
    words = days === 0 ? "today" : "yesterday";
  }
  return words.charAt(0).toLocaleUpperCase() + words.slice(1);
}

/** Return how long ago something was, roughly, in a language. */
export function ago(language, instant, now = new Date()) {
  const seconds = (instant - now) / 1000;
  const steps = [
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ];
  const [unit, length] = steps.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", 60];
  const count = Math.trunc(seconds / length);
  try {
    return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(count, unit);
  } catch {
    return `${Math.abs(count)} ${unit}s ago`;
  }
}

/**
 * Return Slack's date format filled in.
 *
 * Source: Slack's reference of message formatting, "Date formatting".
 */
export function dateToken(person, instant, pattern) {
  const pretty = (options) => {
    const days = dayNumber(person, new Date()) - dayNumber(person, instant);
    return days === 0 || days === 1
      ? relativeDay(person, -days).toLocaleLowerCase()
      : format(person, options).format(instant);
  };
  const long = { weekday: "long", day: "numeric", month: "long", year: "numeric" };
  const middle = { day: "numeric", month: "long", year: "numeric" };
  const short = { day: "numeric", month: "short", year: "numeric" };
  const tokens = {
    date_num: () =>
      format(
        { locale: "sv-SE", tz: person.tz },
        { year: "numeric", month: "2-digit", day: "2-digit" },
      ).format(instant),
    date: () => format(person, middle).format(instant),
    date_short: () => format(person, short).format(instant),
    date_long: () => format(person, long).format(instant),
    date_pretty: () => pretty(middle),
    date_short_pretty: () => pretty(short),
    date_long_pretty: () => pretty(long),
    day_divider_pretty: () => dayName(person, instant),
    time: () => time(person, instant),
    time_secs: () =>
      format(person, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(instant),
    ago: () => ago(person.locale, instant),
  };
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => tokens[name]?.() ?? whole);
}
