// Fetches the page every data-renew seconds and puts the element of that attribute in anew.

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Nobody needs it newer while nobody looks at it. */
function seen() {
  if (!document.hidden) return null;
  return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}

/** The same part of the page as it is now; null where the server is away or says no. */
async function ask(id) {
  try {
    const response = await fetch(location.href, { credentials: "same-origin", cache: "no-store" });
    // The session has ended; what somebody is typing stays.
    if (response.redirected && ![...document.forms].some(isInHand)) location.reload();
    if (response.redirected || !response.ok) return null;
    return new DOMParser().parseFromString(await response.text(), "text/html").getElementById(id);
  } catch {
    return null;
  }
}

/** What tells an element from the others, before and after. */
function name(element) {
  return ["id", "href", "aria-labelledby"].map((key) => element.getAttribute(key)).join(" ") + element.tagName;
}

/** The element of the same name in the new part, the third for the third. */
function counterpart(element, old, next) {
  const alike = (root) => [...root.querySelectorAll("*")].filter((other) => name(other) === name(element));
  return alike(next)[alike(old).indexOf(element)];
}

/** Whether somebody is filling it in: it has the focus, or says something else than at first. */
function isInHand(form) {
  const isTyped = (field) => field.defaultValue !== undefined && field.value !== field.defaultValue;
  return form.contains(document.activeElement) || [...form.elements].some(isTyped);
}

/** Put what must not be lost in the place of its counterpart: forms in hand, open folds. */
function keepHandwork(old, next) {
  for (const fold of old.querySelectorAll("details[open]")) {
    const heir = counterpart(fold, old, next);
    if (heir) heir.open = true;
  }
  const forms = [...old.querySelectorAll("form")].filter(isInHand);
  const pairs = forms.map((form) => [form, counterpart(form, old, next)]);
  for (const [form, heir] of pairs) heir?.replaceWith(form);
}

function replace(old, next) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const heir = focused && counterpart(focused, old, next);
  const scrolled = [...old.querySelectorAll("*")]
    .filter((element) => element.scrollLeft || element.scrollTop)
    .map((element) => [counterpart(element, old, next), element.scrollLeft, element.scrollTop]);
  for (const told of next.querySelectorAll("[role=status]")) {
    // A live region speaks when it changes, so an unchanged one stays the same element.
    const same = [...old.querySelectorAll("[role=status]")].find((other) => other.isEqualNode(told));
    if (same) told.replaceWith(same);
  }
  keepHandwork(old, next);
  old.replaceWith(next);
  for (const [element, left, top] of scrolled) element?.scrollTo({ left, top, behavior: "instant" });
  if (!focused) return;
  const reader = next.contains(focused) ? focused : heir ?? document.querySelector("main");
  reader.focus({ preventScroll: true });
}

async function renew(part) {
  for (;;) {
    await wait(part.dataset.renew * 1000);
    await seen();
    const next = await ask(part.id);
    if (!next) continue;
    replace(part, next);
    part = next;
  }
}

for (const part of document.querySelectorAll("[data-renew]")) renew(part);
