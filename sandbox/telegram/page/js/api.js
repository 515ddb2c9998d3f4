/** The server's HTTP API. Every call is made in the name of a person. */

const AWAY = "Telegram cannot be reached.";

/** A call was refused, or did not get through; the message is a sentence for people. */
export class Failure extends Error {
  constructor(message, { isAway = false } = {}) {
    super(message);
    /** Whether nobody answered at all. */
    this.isAway = isAway;
  }
}

/** Read; `parameters` without a value are left out. */
export function read(path, parameters = {}) {
  return call(address(path, parameters), { headers: { Accept: "application/json" } });
}

/** Act. */
export function act(path, body) {
  return call(address(path), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Send a file as it is. */
export function upload(parameters, file) {
  return call(address("file", parameters), {
    method: "POST",
    headers: { "Content-Type": file.type || "application/octet-stream" },
    body: file,
  });
}

function address(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined) query.set(key, value);
  }
  return `/people/${path}${query.size ? `?${query}` : ""}`;
}

async function call(url, options) {
  let response;
  try {
    response = await fetch(url, { ...options, cache: "no-store" });
  } catch {
    throw new Failure(AWAY, { isAway: true });
  }
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Failure(`Telegram answered with status ${response.status}.`);
  }
  if (!response.ok || body.ok === false)
    throw new Failure(sentence(body.error ?? `refused with status ${response.status}`));
  return body;
}

/** Return the words of a refusal as a sentence. */
function sentence(words) {
  const bare = words.replace(/^(?:Bad Request|Forbidden): /, "");
  return `${bare.charAt(0).toUpperCase()}${bare.slice(1)}${/[.!?]$/.test(bare) ? "" : "."}`;
}
