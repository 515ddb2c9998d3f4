/** What can be done with a message. */

import { copyText } from "./clipboard.js";
import { forward } from "./forward.js";
import { menu } from "./popover.js";
import { toast } from "./toast.js";

/**
 * Show the menu of a message.
 *
 * @param {MessageView} view
 * @param {{at?: {x: number, y: number}, anchor: Element}} options
 * @param {{session: Session, isMine: boolean, composer: Composer|null}} context Without a composer
 *   nothing can be written here now.
 */
export function messageMenu(view, { at, anchor }, { session, isMine, composer }) {
  const { message, node } = view;
  const selected = selectionIn(node);
  const canCopy = !message.protected && message.text;
  const entries = [
    composer && { label: "Reply", icon: "reply", onclick: () => composer.replyTo(message) },
    composer &&
      isMine &&
      isEditable(message) && {
        label: "Edit",
        icon: "edit",
        onclick: () => composer.edit(message),
      },
    canCopy && {
      label: selected ? "Copy selected text" : "Copy text",
      icon: "copy",
      onclick: () => copyText(selected || message.text),
    },
    message.protected
      ? { label: "Protected content", icon: "lock", onclick: explainProtection }
      : { label: "Forward", icon: "forward", onclick: () => forward(session, message) },
  ];
  node.classList.add("chosen");
  menu(anchor, "Message actions", entries, {
    at,
    side: isMine && !at ? "end" : "start",
    onclose: () => node.classList.remove("chosen"),
  });
}

/** Whether its sender could edit a message. */
export function isEditable(message) {
  return Boolean(message.text) && !message.forward_from;
}

function explainProtection() {
  toast("This message can be neither copied nor forwarded.");
}

function selectionIn(node) {
  const selection = getSelection();
  const isHere = !selection.isCollapsed && node.contains(selection.anchorNode);
  return isHere ? selection.toString() : "";
}
