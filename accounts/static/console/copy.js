/* Copy buttons of the page Connections. A value with a secret is asked of the server when it is copied, and not before. */
(() => {
  const said = document.getElementById("copied");
  if (!said) return;

  const copy = async (value) => {
    if (navigator.clipboard && window.isSecureContext) {
      await navigator.clipboard.writeText(value);
      return;
    }
    // Without https there is no clipboard for scripts, but that of a selected field.
    const field = document.createElement("textarea");
    field.value = value;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (!done) throw new Error("the browser does not copy");
  };

  const asked = async (form) => {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
      credentials: "same-origin",
    });
    if (!answer.ok || answer.redirected) throw new Error("the server did not answer with a value");
    return (await answer.json()).value;
  };

  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const form = button.closest("form[data-copies]");
      said.textContent = "";
      try {
        await copy(button.dataset.copy || (await asked(form)));
        said.textContent = said.dataset.done;
        button.classList.add("is-copied");
        setTimeout(() => button.classList.remove("is-copied"), 2000);
      } catch {
        if (form) form.submit(); // shown instead, to be copied by hand
      }
    });
  }
})();
