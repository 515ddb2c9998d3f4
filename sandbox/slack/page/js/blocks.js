/** Block Kit blocks as elements. Source: Slack's Block Kit reference. */

import { h, icon, safeUrl } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { control, inputBlock } from "./controls.js";
import { markdown } from "./markdown.js";
import { textObject } from "./mrkdwn.js";
import { richText } from "./rich_text.js";

/** Return blocks of a message or a view. */
export function renderBlocks(blocks, surface) {
  return blocks.map((block) => {
    const node = (BLOCKS[block.type] ?? unknown)(block, surface);
    node.dataset.block = block.block_id ?? "";
    return node;
  });
}

const BLOCKS = {
  section,
  header: (block) => h("h3.b-header", {}, plain(block.text)),
  divider: () => h("hr.b-divider"),
  context,
  actions,
  image,
  input: inputBlock,
  markdown: (block, surface) => h("div.b-markdown.text", {}, markdown(block.text, surface.session)),
  rich_text: (block, surface) => h("div.b-rich.text", {}, richText(block, surface.session)),
  table,
  alert,
};

function unknown(block) {
  return h("p.b-unknown", {}, `This page does not show blocks of type “${block.type}”.`);
}

function plain(text) {
  return text.emoji === false ? text.text : withEmoji(text.text);
}

function section(block, surface) {
  const { session } = surface;
  const text = block.text && h("div.text", {}, textObject(block.text, session));
  const fields =
    block.fields?.length &&
    h(
      "div.b-fields",
      {},
      block.fields.map((field) => h("div.text", {}, textObject(field, session))),
    );
  const accessory = block.accessory && h("div.b-accessory", {}, accessoryOf(block, surface));
  const side =
    block.accessory?.type === "checkboxes" || block.accessory?.type === "radio_buttons"
      ? ".below"
      : "";
  return h(`div.b-section${side}`, {}, h("div.b-main", {}, text, fields), accessory);
}

function accessoryOf(block, surface) {
  const { accessory } = block;
  return accessory.type === "image"
    ? picture(accessory, surface, "img.b-thumb")
    : control(block, accessory, surface);
}

function context(block, surface) {
  const elements = block.elements.map((element) =>
    element.type === "image"
      ? picture(element, surface, "img.b-small")
      : h("span.text", {}, textObject(element, surface.session)),
  );
  return h("div.b-context", {}, elements);
}

function actions(block, surface) {
  return h(
    "div.b-actions",
    {},
    block.elements.map((element) => control(block, element, surface)),
  );
}

function image(block, surface) {
  const title = block.title && h("figcaption", {}, plain(block.title));
  return h("figure.b-image", {}, title, picture(block, surface, "img"));
}

function picture(element, surface, tag) {
  const fileId = element.slack_file?.id;
  const url = fileId ? surface.fileUrl(fileId) : safeUrl(element.image_url);
  return h(tag, { src: url, alt: element.alt_text, title: element.alt_text, loading: "lazy" });
}

function table(block, surface) {
  const columns = block.column_settings ?? [];
  const cell = (content, index, tag) => {
    const align = columns[index]?.align ?? (content.type === "raw_number" ? "right" : "left");
    const isWrapped = columns[index]?.is_wrapped ?? false;
    return h(
      tag,
      { "data-align": align, "data-wrapped": isWrapped, scope: tag === "th" ? "col" : null },
      cellContent(content, surface),
    );
  };
  const row = (cells, tag) =>
    h(
      "tr",
      {},
      cells.map((content, index) => cell(content, index, tag)),
    );
  const [head, ...rest] = block.rows;
  const made = h(
    "table",
    {},
    h("thead", {}, row(head, "th")),
    h(
      "tbody",
      {},
      rest.map((cells) => row(cells, "td")),
    ),
  );
  return h("div.b-table.table", { tabindex: "0", role: "group", "aria-label": "Table" }, made);
}

function cellContent(content, surface) {
  if (content.type === "rich_text") return richText(content, surface.session);
  return String(content.text ?? content.value ?? "");
}

function alert(block, surface) {
  const level = block.level ?? "default";
  const sign = { warning: "warning", error: "warning", success: "check" }[level] ?? "info";
  return h(
    "div.b-alert",
    { "data-level": level, role: "note" },
    icon(sign, 18),
    h("div.text", {}, textObject(block.text, surface.session)),
  );
}
