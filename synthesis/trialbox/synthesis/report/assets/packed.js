// The page's data: gzipped JSON in elements that are unpacked when they are asked for.

async function unpackText(id) {
  const letters = atob(document.getElementById(id).textContent);
  // Not by Uint8Array.from, which takes ten times as long.
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place++) bytes[place] = letters.charCodeAt(place);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

async function unpack(id) {
  return JSON.parse(await unpackText(id));
}
