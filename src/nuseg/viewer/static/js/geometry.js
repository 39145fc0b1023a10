// Plane geometry in level-0 pixels: polygons are arrays of [x, y].
/** Whether a point lies in a ring (even-odd rule). */
export function inside(ring, x, y) {
  let within = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = ring[i], [xj, yj] = ring[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
  }
  return within;
}

export function bounds(points) {
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  return { x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs), y1: Math.max(...ys) };
}

export const boxRing = ({ x0, y0, x1, y1 }) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];

/** Outer border of the first blob of a mask (width x height, row by row): corners of its pixels, in order. */
export function border(mask, width, height) {
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] > 0;
  const start = mask.findIndex((value) => value > 0), ring = [];
  if (start < 0) return ring;
  const [x0, y0] = [start % width, Math.floor(start / width)];
  let [x, y, dx, dy] = [x0, y0, 1, 0];
  do { // walk along the edges with the blob at the right hand
    ring.push([x, y]);
    x += dx;
    y += dy;
    const right = at(Math.floor(x + (dx - dy) / 2), Math.floor(y + (dy + dx) / 2));
    const left = at(Math.floor(x + (dx + dy) / 2), Math.floor(y + (dy - dx) / 2));
    if (!right) [dx, dy] = [-dy, dx];
    else if (left) [dx, dy] = [dy, -dx];
  } while (x !== x0 || y !== y0);
  return ring;
}
