/** Sends a file after it was looked at once more. */

import { upload } from "./api.js";
import { overlay } from "./dialogs.js";
import { h, icon, newId } from "./dom.js";
import { guarded } from "./guard.js";
import { sizeOf } from "./media.js";

const MOST_CAPTION = 1024;

/** Show a file with a field for its caption; resolves to whether it was sent. */
export function sendFile(session, file, initialCaption = "") {
  return new Promise((resolve) => {
    const { person, chat } = session;
    const titleId = newId("title");
    const caption = h("input.line", {
      type: "text",
      placeholder: "Add a caption…",
      "aria-label": "Caption",
      maxlength: MOST_CAPTION,
      value: initialCaption.trim(),
      onkeydown: (event) => event.key === "Enter" && !event.isComposing && send(),
    });
    const button = h("button.flat-button", { type: "button", onclick: () => send() }, "Send");
    const cancel = h(
      "button.flat-button",
      { type: "button", onclick: () => finish(false) },
      "Cancel",
    );
    const preview = previewOf(file);
    const box = h(
      "div.dialog.sending-file",
      { role: "dialog", "aria-labelledby": titleId },
      h("h2", { id: titleId }, "Send a file"),
      preview.node,
      caption,
      h("footer", {}, cancel, button),
    );
    const finish = (isSent) => {
      close();
      preview.forget();
      resolve(isSent);
    };
    const send = async () => {
      button.disabled = true;
      const where = { user: person.id, chat, name: file.name || "file" };
      const more = { mime: file.type || "application/octet-stream", caption: caption.value.trim() };
      const answer = await guarded(() => upload({ ...where, ...more }, file))();
      button.disabled = false;
      if (!answer) return;
      finish(true);
      session.tell("sent");
    };
    const close = overlay(box, { onleave: () => finish(false) });
    caption.focus();
  });
}

function previewOf(file) {
  const names = h(
    "span.document-names",
    {},
    h("strong", {}, file.name || "file"),
    h("span", {}, sizeOf(file.size)),
  );
  if (!/^image\/(png|jpeg|gif|webp)$/.test(file.type)) {
    const sign = h("span.document-sign", { "aria-hidden": "true" }, icon("file", 24));
    return { node: h("div.document", {}, sign, names), forget: () => {} };
  }
  const url = URL.createObjectURL(file);
  const node = h("div.preview", {}, h("img", { src: url, alt: "" }), names);
  return { node, forget: () => URL.revokeObjectURL(url) };
}
