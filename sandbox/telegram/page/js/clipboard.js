/** Copies texts, also where the page is framed and may not ask the browser's clipboard. */

import { h } from "./dom.js";
import { toast } from "./toast.js";

/** Copy a text; return whether that worked. It is said when it did not. */
export async function copyText(text) {
  const isDone = (await asked(text)) || typed(text);
  if (!isDone) toast("This browser does not let the page copy.", { isBad: true });
  return isDone;
}

async function asked(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function typed(text) {
  const before = document.activeElement;
  const field = h("textarea.unseen", { readOnly: true, value: text, "aria-hidden": "true" });
  document.body.append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  before?.focus?.({ preventScroll: true });
  return isDone;
}
