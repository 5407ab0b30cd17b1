// What JavaScript adds. Every page works without it: see the <noscript> parts of the templates.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** The answer's text; null where the server is away or says no. lost: the session has ended. */
async function ask(address, options = {}, lost = () => location.reload()) {
  try {
    const response = await fetch(address, { credentials: "same-origin", ...options });
    if (response.redirected || response.status === 404) lost();
    return response.ok && !response.redirected ? await response.text() : null;
  } catch {
    return null;
  }
}

function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The one element of a fragment of this site's own HTML, alive: its pictures load. */
function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return document.importNode(template.content.firstElementChild, true);
}

// ---- the job's page: asked again and again, until its job has ended

const LIVE_MS = 700;
const HIDDEN_MS = 5_000;
const LONGEST_MS = 30_000;

async function follow(job) {
  let pause = LIVE_MS;
  while (job.dataset.live) {
    await wait(document.hidden ? Math.max(pause, HIDDEN_MS) : pause);
    const html = await ask(job.dataset.live);
    pause = html === null ? Math.min(2 * pause, LONGEST_MS) : LIVE_MS;
    if (html !== null) job = await update(job, parse(html));
  }
}

/** Show the job's new state; within one state only the parts that have changed are replaced. */
async function update(job, next) {
  if (job.dataset.revision === next.dataset.revision) return job;
  dress(next);
  const isSameState = job.dataset.state === next.dataset.state;
  const hasPicture = await ready(next);
  if (isSameState) {
    for (const part of $$("[data-part]", next)) {
      if (part.matches(".easel") && !hasPicture) continue; // the preview has just gone
      const old = $(`[data-part="${part.dataset.part}"]`, job);
      if (!old?.isEqualNode(part)) old?.replaceWith(part);
    }
    Object.assign(job.dataset, next.dataset);
  } else {
    const hadFocus = job.contains(document.activeElement);
    job.replaceWith(next);
    if (hadFocus) $("#main").focus({ preventScroll: true });
  }
  document.title = next.dataset.title;
  const said = $("#said");
  if (said.textContent !== next.dataset.said) said.textContent = next.dataset.said;
  return isSameState ? job : next;
}

/** Load the picture before it is shown, so that nothing flickers; false where it cannot be had. */
async function ready(root) {
  const picture = $(".easel img", root);
  if (!picture) return true;
  const decoded = picture.decode().then(() => true, () => false);
  return Promise.race([decoded, wait(3000).then(() => true)]);
}

// ---- the form

function tieForm(form) {
  const lens = $("#lens", form);
  let typed = 0;
  let told = hintOf(lens);
  const read = async (event) => {
    const turn = ++typed;
    await wait(300);
    if (turn !== typed) return;
    freshen(form);
    const body = new FormData(form);
    body.delete("file");
    if (event.type === "input") body.set("typing", "1"); // the last word may be half a word
    const html = await ask(lens.dataset.url, { method: "POST", body }, () => tellSignedOut(form, true));
    if (html === null || turn !== typed) return;
    tellSignedOut(form, false);
    renew(lens, html);
    const hint = hintOf(lens);
    if (hint !== told) $("#hint-said", form).textContent = hint;
    told = hint;
  };
  $("#prompt", form).addEventListener("input", read);
  $("#prompt", form).addEventListener("change", read);
  $("#profile", form).addEventListener("change", read);
  $("[data-roll]", form).addEventListener("click", (event) => {
    event.preventDefault();
    $("#seed", form).value = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  });
  form.addEventListener("keydown", (event) => {
    const wantsToPaint = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (wantsToPaint && !event.repeat) form.requestSubmit();
  });
  $$("input[data-slider]", form).forEach(addSlider);
  sendOnce(form, $("#file", form));
  watchQueue(form, $("#estimate", form));
}

/** Nothing that was typed is lost when the session ends: a line says how to go on. */
function tellSignedOut(form, isSignedOut) {
  $("#signed-out", form).hidden = !isSignedOut;
}

/** Send the token of today: a sign-in in another tab has drawn a new one. */
function freshen(form) {
  const found = document.cookie.match(/(?:^|; )(?:__Host-)?csrftoken=([^;]+)/);
  if (found) form.elements.csrfmiddlewaretoken.value = found[1];
}

/** Show the new reading; what stands before the first change stays, and so does its focus. */
function renew(lens, html) {
  const next = document.createElement("div");
  next.innerHTML = html;
  const [before, after] = [$("details", lens), $("details", next)];
  if (before && after) after.open = before.open;
  const [olds, news] = [[...lens.childNodes], [...next.childNodes]];
  let same = 0;
  while (same < olds.length && same < news.length && olds[same].isEqualNode(news[same])) same++;
  olds.slice(same).forEach((node) => node.remove());
  lens.append(...news.slice(same));
}

/** What the lens says about words that the model does not know; empty where it knows them all. */
function hintOf(lens) {
  return $$("#hint p:not(.row)", lens).map((line) => line.textContent.trim()).join(" ");
}

/** Hold back a second click, and a file that the server would refuse after it has been sent. */
function sendOnce(form, file) {
  let isSent = false;
  addEventListener("pageshow", (event) => {
    isSent = false;
    // Gone back to, the page is a new wish, even in the same words.
    if (event.persisted) form.elements.once.value = Array.from(crypto.getRandomValues(new Uint32Array(3))).join("-");
  });
  file?.addEventListener("change", () => file.setCustomValidity(""));
  form.addEventListener("input", () => (isSent = false)); // a sending that was stopped, and a new wish
  form.addEventListener("submit", (event) => {
    if (file?.files[0]?.size > Number(file.dataset.maxBytes)) {
      event.preventDefault();
      file.closest("details").open = true;
      file.setCustomValidity(file.dataset.tooLarge);
      file.reportValidity();
    } else if (isSent) event.preventDefault();
    else {
      freshen(form);
      isSent = true;
    }
  });
}

/** A slider beside a number; the number is what is sent. */
function addSlider(number) {
  const slider = document.createElement("input");
  slider.type = "range";
  slider.step = number.dataset.step;
  for (const name of ["min", "max", "value"]) slider.setAttribute(name, number.getAttribute(name));
  slider.setAttribute("aria-label", `${number.dataset.slider} –`);
  slider.addEventListener("input", () => (number.value = slider.value));
  number.addEventListener("input", () => (slider.value = number.value));
  number.before(slider);
}

/** Keep the sentence beside the button true: as the queue moves, and as the fields change. */
async function watchQueue(form, estimate) {
  let turn = 0;
  let known = readWish(form, estimate);
  const look = async (delay) => {
    const mine = ++turn;
    await wait(delay);
    if (mine !== turn) return;
    const address = `${estimate.dataset.url}?${readWish(form, estimate)}`;
    const html = await ask(address, {}, () => tellSignedOut(form, true));
    if (html === null || mine !== turn) return;
    tellSignedOut(form, false);
    if (html.trim() !== estimate.innerHTML.trim()) estimate.innerHTML = html;
  };
  form.addEventListener("input", () => {
    const wish = readWish(form, estimate);
    if (wish !== known) look(300);
    known = wish;
  });
  for (;;) {
    await wait(5000);
    if (!document.hidden) await look(0);
  }
}

/** What place and time depend on, without a word of what was written. */
function readWish(form, estimate) {
  const filled = new FormData(form);
  const wish = new URLSearchParams();
  for (const name of estimate.dataset.fields.split(" ")) {
    if (filled.get(name)) wish.set(name, filled.get(name));
  }
  if (form.elements.file?.files.length) wish.set("reference", "file");
  return wish.toString();
}

// ---- everywhere

function dress(root) {
  for (const time of $$("time[data-local]", root)) {
    const timeStyle = time.dataset.local === "seconds" ? "medium" : "short";
    const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle });
    time.textContent = format.format(new Date(time.dateTime));
  }
  $$("button[data-copy]", root).forEach((button) => {
    button.hidden = !navigator.clipboard; // browsers have none on plain http
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText($(button.dataset.copy).textContent.trim());
      $("span", button).textContent = button.dataset.copied;
    });
  });
}

function closeMenus(except) {
  $$("details.menu[open]").forEach((menu) => {
    if (menu !== except) menu.open = false;
  });
}

document.addEventListener("click", (event) => closeMenus(event.target.closest?.("details.menu")));
document.addEventListener("focusin", (event) => closeMenus(event.target.closest?.("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = event.target.closest?.("details.menu[open]");
    closeMenus();
    if (menu) $("summary", menu).focus();
  }
});

$("[data-theme-switch]")?.addEventListener("submit", (event) => {
  const theme = event.submitter?.value;
  if (!theme) return;
  event.preventDefault();
  const form = event.currentTarget;
  const body = new FormData(form);
  body.set("theme", theme);
  fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true });
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $$("button", form).forEach((button) => button.setAttribute("aria-pressed", String(button.value === theme)));
});

dress(document);
$("#errors")?.focus();
if ($("form[data-create]")) tieForm($("form[data-create]"));
if ($("#job[data-live]")) follow($("#job"));
const toast = $(".toast");
if (toast) {
  // Put in anew, it is heard; a warning stays until the next page.
  const lines = [...toast.children];
  toast.replaceChildren();
  setTimeout(() => toast.append(...lines), 200);
  const isWarning = lines.some((line) => line.matches("[data-level=warning]"));
  if (!isWarning) setTimeout(() => toast.remove(), 12_000);
}
