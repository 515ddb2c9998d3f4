/** The workspace's HTTP API. Every call is made in the name of a person. */

const SENTENCES = {
  account_inactive: "This account has been deactivated.",
  channel_not_found: "You are not in that channel.",
  message_not_found: "That message is not there any more.",
  messages_tab_disabled: "This app takes no messages here. Type / to see its commands.",
  not_found: "That is not there any more.",
  user_not_found: "There is no such person.",
  operation_timeout: "The app did not answer in time.",
  dispatch_failed: "The app could not be reached.",
  file_not_found: "That file is not there any more. Choose it again.",
};

/** A call was refused, or did not get through; the message is a sentence for people. */
export class Failure extends Error {
  constructor(code) {
    super(SENTENCES[code] ?? code);
    this.code = code;
  }
}

/** Return what a refusal or an answer's error means, in a sentence. */
export function sentence(code) {
  return SENTENCES[code] ?? code ?? "Something went wrong.";
}

/** Read; `parameters` without a value are left out. */
export function read(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined) query.set(key, value);
  }
  return call(`/people/${path}?${query}`, { headers: { Accept: "application/json" } });
}

/** Act. */
export function act(path, body) {
  return call(`/people/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Send a file. */
export function send(path, parameters, file) {
  return call(`/people/${path}?${new URLSearchParams(parameters)}`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: file,
  });
}

async function call(url, options) {
  let response;
  try {
    response = await fetch(url, { ...options, cache: "no-store" });
  } catch {
    throw new Failure("The workspace cannot be reached.");
  }
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Failure(`The workspace answered with status ${response.status}.`);
  }
  if (!response.ok) throw new Failure(body.error ?? `status ${response.status}`);
  return body;
}
