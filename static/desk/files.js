/* Files by drop, by paste and by choosing: shown with name and a small picture, each can be taken out before sending. */
(function () {
  "use strict";
  var words = document.body.dataset;

  function set(input, files) {
    var transfer = new DataTransfer();
    files.forEach(function (file) { transfer.items.add(file); });
    input.files = transfer.files;
    show(input);
  }
  /* Those that the desk would take by their size; each of the others is named. */
  function fittingOf(files) {
    var limit = parseInt(words.maxMb || "20", 10);
    return Array.from(files).filter(function (file) {
      var fits = file.size <= limit * 1024 * 1024;
      if (!fits && window.desk) { window.desk.toast(window.deskChips.fill(words.tTooLarge, { name: file.name, mb: limit }), "late"); }
      return fits;
    });
  }
  function choose(input) {
    var fitting = fittingOf(input.files);
    if (fitting.length < input.files.length) { set(input, fitting); } else { show(input); }
  }
  function add(input, files) {
    var fitting = fittingOf(files);
    set(input, (input.multiple ? Array.from(input.files) : []).concat(input.multiple ? fitting : fitting.slice(0, 1)));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
  function show(input) {
    var zone = zoneOf(input);
    zone.querySelectorAll(".file[data-chosen]").forEach(function (old) { old.remove(); });
    Array.from(input.files).forEach(function (file, index) {
      var box = document.createElement("span"), thumb, name = document.createElement("span"), out = document.createElement("button");
      box.className = "file"; box.dataset.chosen = "";
      if (/^image\/(png|jpeg|gif|webp)$/.test(file.type)) {
        thumb = document.createElement("img");
        thumb.src = URL.createObjectURL(file); thumb.alt = "";
        thumb.addEventListener("load", function () { URL.revokeObjectURL(thumb.src); });
      } else {
        thumb = document.createElement("span");
        thumb.innerHTML = '<i class="bi bi-paperclip" aria-hidden="true"></i>';
      }
      thumb.className = "thumb";
      name.className = "name"; name.textContent = file.name;
      out.type = "button"; out.setAttribute("aria-label", words.tRemove + " " + file.name);
      out.innerHTML = '<i class="bi bi-x" aria-hidden="true"></i>';
      out.addEventListener("click", function () { set(input, Array.from(input.files).filter(function (_, other) { return other !== index; })); });
      box.append(thumb, name, out);
      zone.insertBefore(box, input.nextSibling);
    });
  }
  function zoneOf(input) { return input.closest("[data-drop-zone]") || input.parentElement; }
  function inputFor(event) {
    var zone = event.target.closest && event.target.closest("[data-drop-zone], .composer, form");
    return zone && zone.querySelector("input[type=file][data-drop]");
  }
  ["dragenter", "dragover"].forEach(function (name) {
    document.addEventListener(name, function (event) {
      var input = event.dataTransfer && Array.from(event.dataTransfer.types).indexOf("Files") >= 0 && inputFor(event);
      if (!input) { return; }
      event.preventDefault();
      zoneOf(input).classList.add("is-over");
    });
  });
  ["dragleave", "dragend", "drop"].forEach(function (name) {
    document.addEventListener(name, function () { document.querySelectorAll(".is-over").forEach(function (zone) { zone.classList.remove("is-over"); }); });
  });
  document.addEventListener("drop", function (event) {
    var input = event.dataTransfer && event.dataTransfer.files.length && inputFor(event);
    if (input) { event.preventDefault(); add(input, event.dataTransfer.files); }
  });
  document.addEventListener("paste", function (event) {
    var files = event.clipboardData && event.clipboardData.files;
    var input = files && files.length && inputFor(event);
    if (input) { event.preventDefault(); add(input, files); }
  });
  document.addEventListener("change", function (event) {
    if (event.target.matches("input[type=file][data-drop]")) { choose(event.target); }
  });
})();
