/** The modals the app has open for the person: a stack, of which the top can be used. */

import { act, Failure, read, sentence } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { showErrors } from "./controls.js";
import { overlay } from "./dialogs.js";
import { h, icon, newId } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { Surface } from "./surface.js";
import { toast } from "./toast.js";

/** Shows whatever stack the server tells of. */
export class Modals {
  constructor(session) {
    this.session = session;
    this.surfaces = new Map();
    this.shown = null;
    this.close = null;
  }

  /** Fetch and show the stack. */
  async refresh() {
    const { person } = this.session;
    const { stack } = await read("views", { user: person.id });
    if (person === this.session.person) this.show(stack);
  }

  /** Take every modal off the screen; they stay open for their person. */
  reset() {
    this.surfaces.clear();
    this.show([]);
  }

  show(stack) {
    const open = new Set(stack.map((view) => view.id));
    for (const id of this.surfaces.keys()) if (!open.has(id)) this.surfaces.delete(id);
    const top = stack.at(-1);
    const key = top ? `${top.id} ${top.hash} ${stack.length}` : null;
    if (key === this.shown) return;
    this.shown = key;
    if (!top) {
      this.close?.();
      this.close = null;
      return;
    }
    const focused = this.box?.contains(document.activeElement)
      ? placeOf(document.activeElement)
      : null;
    const isSame = this.view?.id === top.id;
    const scrolled = isSame ? this.box.querySelector(".modal-body").scrollTop : 0;
    this.view = top;
    this.build(top, stack.length);
    this.box.querySelector(".modal-body").scrollTop = scrolled;
    this.focusFirst(top, isSame ? focused : null);
  }

  build(view, depth) {
    const surface = new Surface(this.session, { type: "view", view_id: view.id }, view.state);
    const before = this.surfaces.get(view.id);
    if (before) surface.keepFrom(before);
    this.surfaces.set(view.id, surface);
    this.surface = surface;
    const box = this.form(view, surface, depth);
    if (this.close && this.box.isConnected) this.box.replaceWith(box);
    else this.close = overlay(box, { onescape: () => this.dismiss() });
    this.box = box;
  }

  form(view, surface, depth) {
    const titleId = newId("title");
    const isStacked = depth > 1;
    const dismiss = () => this.dismiss();
    const submit =
      view.submit &&
      h(
        "button.button.primary.submit",
        { type: "submit" },
        h("span.face", {}, withEmoji(view.submit.text)),
        h("span.spinner", { "aria-hidden": "true" }),
      );
    const close = h(
      "button.button.cancel",
      { type: "button", onclick: dismiss },
      withEmoji(view.close?.text ?? (view.submit ? "Cancel" : "Close")),
    );
    return h(
      "form.dialog.modal",
      // Not aria-modal: the phone beside the workspace stays in reach, the rest is inert.
      {
        role: "dialog",
        "aria-labelledby": titleId,
        novalidate: true,
        "data-depth": depth,
        lang: this.session.person.locale,
        onsubmit: (event) => this.submit(event),
        tabindex: "-1",
      },
      h(
        "header",
        {},
        isStacked &&
          h(
            "button.icon-button",
            { type: "button", "aria-label": "Back", onclick: dismiss },
            icon("back", 18),
          ),
        h("span.avatar.app-avatar.small", { "aria-hidden": "true" }, icon("app", 20)),
        h("h2", { id: titleId }, withEmoji(view.title?.text ?? "")),
        h(
          "button.icon-button",
          { type: "button", "aria-label": "Close", onclick: dismiss },
          icon("close", 18),
        ),
      ),
      h(
        "div.modal-body",
        {},
        h("p.form-error", { role: "alert", hidden: true }),
        renderBlocks(view.blocks, surface),
      ),
      h("footer", {}, h("span.made-by", {}, this.session.app.name), close, submit),
    );
  }

  focusFirst(view, place) {
    const again = place && find(this.box, place);
    const wanted = view.blocks.find((block) => block.element?.focus_on_load)?.block_id;
    const field =
      again ??
      (wanted && find(this.box, { block: wanted })) ??
      this.box.querySelector(".b-input input:not([type=radio]), .b-input textarea");
    (field ?? this.box.querySelector(".submit, .cancel") ?? this.box).focus({
      preventScroll: Boolean(again),
    });
  }

  async submit(event) {
    event.preventDefault();
    if (this.isBusy) return;
    const { box, view, surface } = this;
    this.setBusy(true);
    this.say("");
    await Promise.allSettled(surface.sending);
    const answer = await this.asked("submit", { view_id: view.id, state: surface.state });
    this.setBusy(false);
    if (answer.ok) {
      await this.refresh();
      return;
    }
    if (!box.isConnected) return;
    showErrors(box, answer.errors ?? {});
    if (!answer.errors) this.say(sentence(answer.error));
  }

  async dismiss() {
    if (this.isBusy) return;
    const answer = await this.asked("dismiss", { view_id: this.view.id });
    if (!answer.ok) toast(sentence(answer.error));
    await this.refresh();
  }

  async asked(path, body) {
    try {
      return await act(path, { user: this.session.person.id, ...body });
    } catch (problem) {
      if (!(problem instanceof Failure)) throw problem;
      return { ok: false, error: problem.message };
    }
  }

  say(text) {
    const line = this.box.querySelector(".form-error");
    line.hidden = !text;
    line.textContent = text;
  }

  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.box.classList.toggle("busy", isBusy);
    this.box.querySelector(".modal-body").inert = isBusy;
    this.box.querySelector(".submit")?.setAttribute("aria-busy", String(isBusy));
  }
}

/** Return where in a form an element is, in words that outlast a new version of the form. */
function placeOf(element) {
  return {
    block: element.closest("[data-block]")?.dataset.block,
    action: element.closest("[data-action]")?.dataset.action,
  };
}

function find(box, { block, action }) {
  const around = [...box.querySelectorAll("[data-block]")].find(
    (each) => each.dataset.block === block,
  );
  const holder = action && around?.querySelector(`[data-action="${CSS.escape(action)}"]`);
  const fields = "input, textarea, button";
  return holder?.matches(fields) ? holder : ((holder ?? around)?.querySelector(fields) ?? null);
}
