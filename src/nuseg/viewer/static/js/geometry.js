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

export function bounds(ring) {
  const xs = ring.map((p) => p[0]), ys = ring.map((p) => p[1]);
  return { x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs), y1: Math.max(...ys) };
}

export function centre(ring) {
  const { x0, y0, x1, y1 } = bounds(ring);
  return [(x0 + x1) / 2, (y0 + y1) / 2];
}

export const boxRing = ({ x0, y0, x1, y1 }) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];

/** Leave out points closer than a distance to the line between those kept (Douglas and Peucker, 1973). */
export function simplify(points, tolerance) {
  if (points.length < 3) return points;
  const [a, b] = [points[0], points[points.length - 1]];
  const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
  let farthest = 0, most = tolerance;
  for (let i = 1; i < points.length - 1; i++) {
    const [x, y] = points[i];
    const away = length
      ? Math.abs((b[0] - a[0]) * (a[1] - y) - (a[0] - x) * (b[1] - a[1])) / length
      : Math.hypot(x - a[0], y - a[1]);
    if (away > most) [farthest, most] = [i, away];
  }
  if (!farthest) return [a, b];
  return [...simplify(points.slice(0, farthest + 1), tolerance), ...simplify(points.slice(farthest), tolerance).slice(1)];
}

/** Outer border of the first blob of a mask (width x height, row by row): corners of its pixels, in order. */
export function border(mask, width, height) {
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] > 0;
  const start = mask.findIndex((value) => value > 0);
  if (start < 0) return [];
  let x = start % width, y = Math.floor(start / width), dx = 1, dy = 0;
  const [x0, y0] = [x, y], ring = [];
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
