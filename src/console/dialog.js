// Asks before anything changes: one dialog at a time, that says what will happen in words, and gives back what was decided.

import { h } from "./dom.js";

/**
 * Opens a dialog and waits. `text` is a list of paragraphs, `fields` are elements with a `name`; the result holds their values, or is null where the person
 * turned away. `submit`, where there is one, does the work while the dialog is open, and its failure is shown there.
 */
export function ask({ title, text, fields = [], label, danger = false, submit = null }) {
  return new Promise((resolve) => {
    const failure = h("p", { class: "notice bad", role: "alert", hidden: true });
    const go = h("button", { type: "submit", class: danger ? "danger" : "primary" }, label);
    const back = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id: "dialog-title" }, title),
      h(
        "div",
        { class: "dialog-text" },
        text.map((line) => h("p", {}, line)),
      ),
      fields,
      failure,
      h("div", { class: "buttons" }, back, go),
    );
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    const from = document.activeElement?.dataset.key;
    let result = null;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const values = Object.fromEntries(new FormData(form));
      try {
        busy(true);
        result = submit ? { values, outcome: await submit(values) } : { values };
        dialog.close();
      } catch (error) {
        failure.textContent = error.message;
        failure.hidden = false;
      } finally {
        busy(false);
      }
    });
    const busy = (on) => {
      go.disabled = on;
      go.toggleAttribute("data-busy", on);
      failure.hidden ||= on;
    };
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      // The button that asked may have been drawn anew meanwhile.
      if (document.activeElement === document.body && from)
        document.querySelector(`[data-key="${CSS.escape(from)}"]`)?.focus();
      resolve(result);
    });
    document.body.append(dialog);
    dialog.showModal();
    const first = fields.length > 0 ? form.querySelector("input, textarea") : danger ? back : go;
    first.focus();
    first.select?.();
  });
}

/** A field with its label. */
export function field(label, input, hint = null) {
  return h("label", { class: "field" }, h("span", {}, label), input, hint && h("small", {}, hint));
}
