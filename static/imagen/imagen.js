// What JavaScript adds. Every page works without it: see the <noscript> parts of the templates.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** The answer's text, or null where the session has ended, the server is away or says no. */
async function ask(address, options = {}) {
  try {
    const response = await fetch(address, { credentials: "same-origin", ...options });
    if (response.redirected) location.reload();
    return response.ok && !response.redirected ? await response.text() : null;
  } catch {
    return null;
  }
}

function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The one element of a fragment of this site's own HTML. */
function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

// ---- the job's page: the same element again and again, until its job has ended

async function follow(job) {
  while (job.dataset.live) {
    await wait(document.hidden ? 5000 : 700);
    const html = await ask(job.dataset.live);
    if (html === null) continue;
    const next = parse(html);
    await ready(next);
    replace(job, next);
    job = next;
    document.title = job.dataset.title;
  }
}

/** Load the picture before it is shown, so that nothing flickers. */
async function ready(root) {
  const picture = $(".easel img", root);
  if (picture) await Promise.race([picture.decode().catch(() => {}), wait(3000)]);
}

function replace(old, next) {
  const focused = old.contains(document.activeElement) ? place(document.activeElement) : null;
  const said = $("[role=status]", old);
  const opened = $$("details", old).map((details) => details.open);
  old.replaceWith(next);
  dress(next);
  const status = $("[role=status]", next);
  // A live region speaks when it changes, so an unchanged one stays the same element.
  if (said && status && said.textContent === status.textContent) status.replaceWith(said);
  if (old.dataset.state === next.dataset.state) {
    $$("details", next).forEach((details, number) => (details.open = opened[number] ?? false));
  }
  if (focused) ($(focused, next) ?? $("#main"))?.focus({ preventScroll: true });
}

function place(element) {
  if (element.matches(".scroll")) return ".scroll";
  const form = element.closest("form");
  if (form) return `form[action="${form.getAttribute("action")}"] button`;
  return element.getAttribute("href") ? `a[href="${element.getAttribute("href")}"]` : "summary";
}

// ---- the service's status: the part that shows the present, again and again

async function renew(part) {
  for (;;) {
    await wait(15_000);
    const html = document.hidden ? null : await ask(location.href);
    if (html === null) continue;
    const next = new DOMParser().parseFromString(html, "text/html").getElementById(part.id);
    if (!next) continue;
    replace(part, next);
    part = next;
  }
}

// ---- the form

function tieForm(form) {
  const lens = $("#lens", form);
  let typed = 0;
  const read = async () => {
    const turn = ++typed;
    await wait(300);
    if (turn !== typed) return;
    const wasOpen = $("details", lens)?.open;
    const body = new FormData(form);
    body.delete("file");
    const html = await ask(lens.dataset.url, { method: "POST", body });
    if (html === null || turn !== typed) return;
    lens.innerHTML = html;
    const details = $("details", lens);
    if (details && wasOpen !== undefined) details.open = wasOpen;
  };
  $("#prompt", form).addEventListener("input", read);
  $("#profile", form).addEventListener("change", () => send(form, "check"));
  $("[data-roll]", form).addEventListener("click", (event) => {
    event.preventDefault();
    $("#seed", form).value = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  $$("input[data-slider]", form).forEach(addSlider);
  const file = $("#file", form);
  file?.addEventListener("change", () => {
    const isLarge = file.files[0]?.size > Number(file.dataset.maxBytes);
    file.setCustomValidity(isLarge ? file.dataset.tooLarge : "");
    file.reportValidity();
  });
  watchQueue($("#estimate", form));
}

/** Post the form as a button of this name would. */
function send(form, name) {
  const field = document.createElement("input");
  Object.assign(field, { type: "hidden", name, value: "1" });
  form.append(field);
  form.submit();
}

/** A slider beside a number; the number is what is sent. */
function addSlider(number) {
  const slider = document.createElement("input");
  for (const name of ["min", "max", "step", "value"]) slider.setAttribute(name, number.getAttribute(name));
  slider.type = "range";
  slider.setAttribute("aria-label", `${number.dataset.slider} –`);
  slider.addEventListener("input", () => (number.value = slider.value));
  number.addEventListener("input", () => (slider.value = number.value));
  number.before(slider);
}

async function watchQueue(estimate) {
  for (;;) {
    await wait(5000);
    if (document.hidden) continue;
    const html = await ask(estimate.dataset.url);
    if (html !== null && html.trim() !== estimate.innerHTML.trim()) estimate.innerHTML = html;
  }
}

// ---- everywhere

function dress(root) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
    dateStyle: "medium",
    timeStyle: "short",
  });
  $$("time[data-local]", root).forEach((time) => (time.textContent = format.format(new Date(time.dateTime))));
  $$("button[data-copy]", root).forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText($(button.dataset.copy).textContent.trim());
      button.setAttribute("aria-pressed", "true");
    });
  });
}

function closeMenus(except) {
  $$("details.menu[open]").forEach((menu) => {
    if (menu !== except) menu.open = false;
  });
}

document.addEventListener("click", (event) => closeMenus(event.target.closest?.("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = event.target.closest?.("details.menu[open]");
    closeMenus();
    if (menu) $("summary", menu).focus();
  }
  const isTyping = event.target.closest?.("input, textarea, select");
  if (event.key === "/" && !isTyping && $("input[type=search]")) {
    event.preventDefault();
    $("input[type=search]").focus();
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
if ($("[data-renew]")) renew($("[data-renew]"));
const toast = $(".toast");
if (toast) setTimeout(() => toast.remove(), 12_000);
