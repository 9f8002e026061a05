/* What is typed and not sent is kept: at the desk at each pause, in this browser when the desk does not answer. */
(function () {
  "use strict";
  var words = document.body.dataset;
  if (!words.draftsUrl) { return; }
  var headers = JSON.parse(document.body.getAttribute("hx-headers") || "{}");

  function local(place) { return "desk.draft:" + place; }
  function read(form) {
    var data = {};
    new FormData(form).forEach(function (value, name) {
      if (name === "csrfmiddlewaretoken" || name === "draft" || typeof value !== "string") { return; }
      (data[name] = data[name] || []).push(value);
    });
    return data;
  }
  /* Rows that were added while typing are added again. */
  function makeRoom(form, data) {
    form.querySelectorAll("[data-rows]").forEach(function (section) {
      var more = section.querySelector("[data-add-row]"), wanted = 0;
      Object.keys(data).forEach(function (name) {
        var found = name.match(/^(\w+)-(\d+)-/);
        if (found && found[1] === section.dataset.rows) { wanted = Math.max(wanted, Number(found[2]) + 1); }
      });
      for (var n = section.querySelectorAll("[data-row]").length; more && n < wanted; n += 1) { more.click(); }
    });
  }
  function write(form, data) {
    makeRoom(form, data);
    Object.keys(data).forEach(function (name) {
      var values = [].concat(data[name]);
      var fields = Array.from(form.elements).filter(function (field) { return field.name === name; });
      fields.forEach(function (field, index) {
        if (field.type === "hidden" || field.type === "file" || field.type === "password") { return; }
        if (field.type === "checkbox" || field.type === "radio") { field.checked = values.indexOf(field.value) >= 0; return; }
        if (field.multiple) { Array.from(field.options).forEach(function (option) { option.selected = values.indexOf(option.value) >= 0; }); return; }
        if (values[index] !== undefined) { field.value = values[index]; }
      });
    });
  }
  function say(form, text) {
    var place = form.querySelector("[data-draft-said]") || document.querySelector('[data-draft-said="' + CSS.escape(form.dataset.draft) + '"]');
    if (place) { place.textContent = text; }
  }
  /* V4: what stays in the browser while the desk does not answer holds no phone, e-mail or address. */
  function withoutContactData(data) {
    return Object.fromEntries(Object.entries(data).filter(function (entry) { return !/phone|email|address|^who$/.test(entry[0]); }));
  }
  function send(form) {
    var body = JSON.stringify({ place: form.dataset.draft, data: read(form) });
    return fetch(words.draftsUrl, { method: "POST", credentials: "same-origin", headers: Object.assign({ "Content-Type": "application/json" }, headers), body: body, keepalive: body.length < 60000 })
      .then(function (answer) {
        if (!answer.ok) { throw new Error(String(answer.status)); }
        try { localStorage.removeItem(local(form.dataset.draft)); } catch (_) { /* nothing was kept here */ }
        say(form, words.tDraft + " " + new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: words.zone || undefined }));
      })
      .catch(function () {
        try { localStorage.setItem(local(form.dataset.draft), JSON.stringify(withoutContactData(read(form)))); say(form, words.tDraftLocal); } catch (_) { /* no room */ }
      });
  }
  function keep(form) {
    var timer = null, dirty = false;
    named(form);
    function soon() {
      dirty = true;
      window.clearTimeout(timer);
      timer = window.setTimeout(now, 900);
    }
    function now() { window.clearTimeout(timer); if (dirty) { dirty = false; send(form); } }
    form.addEventListener("input", soon);
    form.addEventListener("change", soon);
    form.addEventListener("submit", function () { window.clearTimeout(timer); dirty = false; });
    form.addEventListener("input", function () { form.dataset.draftTouched = "1"; });
    document.addEventListener("visibilitychange", function () { if (document.hidden) { now(); } });
    window.addEventListener("pagehide", now);
  }
  /* What was sent is no draft any more: the desk is told which one to forget when it went through. */
  function named(form) {
    if (form.elements.draft) { return; }
    var place = document.createElement("input");
    place.type = "hidden"; place.name = "draft"; place.value = form.dataset.draft;
    form.append(place);
  }
  function restore(form) {
    var here = null;
    try { here = localStorage.getItem(local(form.dataset.draft)); } catch (_) { /* none */ }
    if (form.querySelector(".has-error, [aria-invalid=true], .error-summary")) { return; }
    if (here || form.dataset.draftValue) { return show(form, here || form.dataset.draftValue); }
    if ("draftAsked" in form.dataset) { return; }
    fetch(words.draftsUrl + "?place=" + encodeURIComponent(form.dataset.draft), { credentials: "same-origin" })
      .then(function (answer) { return answer.status === 200 ? answer.text() : ""; })
      .then(function (kept) { if (kept && !form.dataset.draftTouched) { show(form, kept); } })
      .catch(function () { /* the desk does not answer: the form stays as it came */ });
  }
  function stale(field, data) {
    return field.type === "hidden" && /(^|[-_])seen/.test(field.name) && field.name in data && String([].concat(data[field.name])[0]) !== field.value;
  }
  /* A draft over a text that has changed since is not put back: it would undo a colleague's words unseen. */
  function show(form, kept) {
    try {
      var data = JSON.parse(kept);
      if (Array.prototype.some.call(form.elements, function (field) { return stale(field, data); })) { return; }
      write(form, data);
      say(form, words.tDraftBack);
      form.dispatchEvent(new CustomEvent("desk:restored", { bubbles: true }));
    } catch (_) { /* not readable: leave the form as it came */ }
  }
  function find() {
    document.querySelectorAll("form[data-draft]").forEach(function (form) {
      if (form.dataset.draftWatched) { return; }
      form.dataset.draftWatched = "1";
      restore(form);
      keep(form);
    });
  }
  find();
  document.addEventListener("htmx:afterSettle", find);
})();
