// What was typed and not yet sent: kept for this tab, so that a reload or a step back loses nothing.

/** A draft of a form: `value` is plain data, `save` keeps it, `clear` forgets it. */
export function draft(name, fresh) {
  const key = `synthfleet.draft.${name}`;
  let value = fresh();
  try {
    const kept = sessionStorage.getItem(key);
    if (kept) value = { ...value, ...JSON.parse(kept) };
  } catch { /* what cannot be read is not kept */ }
  const store = () => {
    try {
      sessionStorage.setItem(key, JSON.stringify(value));
    } catch {
      // no room for the rows of the preview: they are read again from the file
      try { sessionStorage.setItem(key, JSON.stringify({ ...value, preview: null })); } catch { /* kept in memory alone */ }
    }
  };
  return {
    get value() { return value; },
    save(changes = {}) { Object.assign(value, changes); store(); },
    clear() { value = fresh(); sessionStorage.removeItem(key); },
  };
}
