"use strict";
// Tells, as somebody types a new password, how strong it looks and which requirements it meets.
// It only advises: nothing here stops or sends the form, the server decides.

const MINIMUM_LENGTH = 12;
const SHORTEST_PERSONAL_PART = 3;
const ANNOUNCE_AFTER_MS = 700; // speak once a person pauses, not at each key

// Popular passwords that are long enough to pass the length rule. The server knows many thousands.
const COMMON_PASSWORDS = new Set([
  "123456789012", "1234567890123", "12345678901234", "123456789123", "123123123123", "121212121212",
  "111111111111", "000000000000", "987654321098", "abcdefghijkl", "abcdefghijklm", "abcd12345678",
  "abc123abc123", "administrator", "administrador", "contrasena12", "contrasena123", "contrasena1234",
  "football1234", "iloveyou1234", "iloveyouforever", "letmein12345", "mynameisjohn", "passw0rd1234",
  "password1234", "password12345", "password123456", "passwordpassword", "q1w2e3r4t5y6", "qazwsxedcrfv",
  "1q2w3e4r5t6y", "qwerty123456", "qwertyqwerty", "qwertyuiop12", "qwertyuiop123", "qwertyuiopas",
  "teamomucho123", "unbelievable", "welcome12345", "1qaz2wsx3edc",
]);

/** The text in lower case and without accents, as it is compared. */
function folded(text) {
  return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
}

/** Whether the password contains the local part of the e-mail address, a piece of it, or a name. */
function containsPersonalPart(password, email, names) {
  const local = email.split("@")[0];
  const parts = [local, ...local.split(/[^\p{L}\p{N}]+/u), ...names.split(/\s+/)];
  const haystack = folded(password);
  return parts.some((part) => part.length >= SHORTEST_PERSONAL_PART && haystack.includes(folded(part)));
}

/** How many guesses the password stands for, in bits: a rough estimate where runs and repeats count little. */
function estimatedBits(password) {
  const characters = Array.from(password);
  const alphabet =
    (/[a-z]/.test(password) ? 26 : 0) + (/[A-Z]/.test(password) ? 26 : 0) +
    (/[0-9]/.test(password) ? 10 : 0) + (/[^a-zA-Z0-9]/.test(password) ? 30 : 0);
  let surprising = 0;
  const seen = new Map();
  characters.forEach((character, index) => {
    const step = index ? character.codePointAt(0) - characters[index - 1].codePointAt(0) : NaN;
    const repeats = seen.get(character) || 0;
    seen.set(character, repeats + 1);
    surprising += Math.abs(step) <= 1 ? 0.25 : 1 / (1 + repeats * 0.5);
  });
  return surprising * Math.log2(Math.max(alphabet, 2));
}

/** The level from 0 (nothing typed) to 4 (strong). A password that misses a requirement is never above 1. */
function strengthLevel(password, rules) {
  if (!password) return 0;
  if (!Object.values(rules).every(Boolean)) return 1;
  const bits = estimatedBits(password);
  if (bits < 40) return 1;
  if (bits < 55) return 2;
  return bits < 72 ? 3 : 4;
}

/** Brings one strength meter and its checklist to life. */
function startStrengthMeter(meter) {
  const input = document.getElementById(meter.dataset.input);
  const list = document.querySelector("[data-requirements]");
  const label = meter.querySelector("[data-strength-label]");
  const status = meter.querySelector("[data-strength-status]");
  const labels = meter.dataset.labels.split("|");
  let announcing = 0;

  list.replaceChildren(document.querySelector("[data-checklist]").content.cloneNode(true));
  list.classList.add("checklist");
  const items = Array.from(list.querySelectorAll("[data-rule]"));

  function update() {
    const password = input.value;
    const rules = {
      length: Array.from(password).length >= MINIMUM_LENGTH,
      personal: password !== "" && !containsPersonalPart(password, meter.dataset.email, meter.dataset.names),
      common: password !== "" && !COMMON_PASSWORDS.has(folded(password)),
    };
    items.forEach((item) => {
      const met = rules[item.dataset.rule];
      item.classList.toggle("is-met", met);
      item.querySelector("[data-state]").textContent = `(${met ? meter.dataset.met : meter.dataset.notMet})`;
    });
    const level = strengthLevel(password, rules);
    meter.dataset.level = String(level);
    label.textContent = level ? labels[level - 1] : "–";

    window.clearTimeout(announcing);
    announcing = window.setTimeout(() => {
      status.textContent = level
        ? meter.dataset.announcement
          .replace("{strength}", labels[level - 1])
          .replace("{met}", String(Object.values(rules).filter(Boolean).length))
          .replace("{total}", String(items.length))
        : "";
    }, ANNOUNCE_AFTER_MS);
  }

  meter.hidden = false;
  input.addEventListener("input", update);
  update(); // browsers bring typed text back after "back" and "reload"
}

document.querySelectorAll("[data-strength]").forEach(startStrengthMeter);
