"use strict";
// Asks for the account's company until it is there, and gives up with a sentence. The words stand in the page.

const TRIES = 10;
const PAUSE = 3000; // milliseconds between two tries
const PATIENCE = 8000; // milliseconds for an answer

const main = document.querySelector("[data-company-url]");
const retry = document.querySelector("[data-retry]");

/** Shows one of the states that stand in the page. */
function show(name) {
  for (const section of main.querySelectorAll("[data-state]")) section.hidden = section.dataset.state !== name;
  main.setAttribute("aria-busy", String(name === "waiting"));
  retry.hidden = ["waiting", "found", "refused"].includes(name);
}

/** Writes the company's values where the page has places for them, as text. */
function fill(company) {
  const created = new Date(company.created_at).toLocaleDateString(document.documentElement.lang, { dateStyle: "long" });
  const values = { ...company, company_name: company.company_name || company.company_id, created_at: created };
  for (const place of main.querySelectorAll("[data-value]")) place.textContent = values[place.dataset.value];
  main.querySelector("[data-when=ready]").hidden = !company.is_ready;
  main.querySelector("[data-when=not-ready]").hidden = company.is_ready;
}

/** The company's values, {exists: false} where there is none yet, {refused: true} where the page's signature has
 *  expired; throws where no usable answer comes. */
async function ask() {
  const answer = await fetch(main.dataset.companyUrl, { signal: AbortSignal.timeout(PATIENCE), credentials: "omit" });
  if (answer.status === 403) return { refused: true };
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).data;
}

async function look() {
  show("waiting");
  let end = "missing";
  for (let tries = 1; tries <= TRIES; tries += 1) {
    try {
      const company = await ask();
      if (company.refused) {
        show("refused");
        return;
      }
      if (company.exists) {
        fill(company);
        show(company.status === "closed" ? "closed" : "found");
        return;
      }
      end = "missing";
    } catch {
      end = "unreachable";
    }
    if (tries < TRIES) await new Promise((done) => setTimeout(done, PAUSE));
  }
  show(end);
  retry.focus();
}

if (main) {
  retry.addEventListener("click", look);
  look();
}
