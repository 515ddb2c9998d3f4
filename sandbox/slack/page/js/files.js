/** Files of a message: pictures are shown, others get a card. */

import { showPicture } from "./dialogs.js";
import { h, icon } from "./dom.js";

/** Return what a message's files look like. */
export function renderFiles(files) {
  return h(
    "div.files",
    {},
    files.map((file) => (isPicture(file) ? picture(file) : card(file))),
  );
}

function isPicture(file) {
  return /^image\/(png|jpeg|gif|webp|svg\+xml)$/.test(file.mimetype);
}

function picture(file) {
  const open = () => showPicture(file.url, file.name);
  return h(
    "figure.file.image-file",
    {},
    h("figcaption", {}, h("span", {}, file.title || file.name), download(file)),
    h(
      "button.frame",
      { type: "button", "aria-label": `Show ${file.name}`, onclick: open },
      h("img", { src: file.url, alt: file.title || file.name, loading: "lazy" }),
    ),
  );
}

/** Return a coloured sign with a file's ending. */
export function kindOf(name) {
  const kind = (name.split(".").pop() || "file").toUpperCase().slice(0, 4);
  return h("span.file-kind", { "data-kind": kind, "aria-hidden": "true" }, kind);
}

function card(file) {
  return h(
    "div.file.file-card",
    {},
    kindOf(file.name),
    h(
      "span.file-names",
      {},
      h("strong", {}, file.title || file.name),
      h(
        "span",
        {},
        `${file.title && file.title !== file.name ? `${file.name} · ` : ""}${sizeOf(file.size)}`,
      ),
    ),
    download(file),
  );
}

function download(file) {
  return h(
    "a.icon-button",
    {
      href: file.url,
      download: file.name,
      "aria-label": `Download ${file.name}`,
      title: "Download",
    },
    icon("download", 18),
  );
}

/** Return how large a file is, in words. */
export function sizeOf(bytes) {
  if (bytes < 1024) return `${bytes} bytes`;
  const [unit, size] = bytes < 1024 ** 2 ? ["KB", bytes / 1024] : ["MB", bytes / 1024 ** 2];
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${unit}`;
}
