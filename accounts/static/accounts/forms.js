"use strict";
// Comforts of every form page. The pages work without this file.

/** Moves the focus to the error summary, in browsers that ignore autofocus on it. */
function focusErrorSummary() {
  const summary = document.querySelector("[data-error-summary]");
  if (summary) summary.focus();
}

/** Adds a show/hide button beside a password input. Its words are data attributes of the input. */
function addRevealButton(input) {
  const form = input.form; // an input that is out of the page for a moment has none
  const wrapper = document.createElement("div");
  wrapper.className = "reveal";
  input.replaceWith(wrapper);

  const button = document.createElement("button");
  button.type = "button";
  button.className = "reveal__button";
  button.setAttribute("aria-controls", input.id);

  function show(visible) {
    input.type = visible ? "text" : "password";
    button.textContent = visible ? input.dataset.hide : input.dataset.show;
    button.setAttribute("aria-label", visible ? input.dataset.hideLabel : input.dataset.showLabel);
  }

  button.addEventListener("click", () => show(input.type === "password"));
  // Browsers keep what was typed into visible text fields for autocompletion: hide it before it is sent.
  form.addEventListener("submit", () => show(false));
  show(false);
  wrapper.append(input, button);
}

document.querySelectorAll("input[data-revealable]").forEach(addRevealButton);
focusErrorSummary();
