export interface Cell {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Squarified treemap (Bruls, Huizing, van Wijk 2000): cells with areas in proportion to `weights`, as square as a
 * greedy row by row layout makes them. Weights are positive and sorted downwards; the cells come in the same order.
 */
export function squarify(weights: readonly number[], width: number, height: number): readonly Cell[] {
  const total = weights.reduce((sum, w) => sum + w, 0);
  if (total <= 0) return [];
  const areas = weights.map((w) => (w / total) * width * height);
  const cells: Cell[] = [];
  let free: Cell = { x: 0, y: 0, width, height };
  for (let start = 0; start < areas.length;) {
    const side = Math.min(free.width, free.height);
    let end = start + 1;
    let sum = areas[start]!;
    while (
      end < areas.length &&
      worst(areas[start]!, areas[end]!, sum + areas[end]!, side) <= worst(areas[start]!, areas[end - 1]!, sum, side)
    ) {
      sum += areas[end]!;
      end++;
    }
    free = layRow(areas.slice(start, end), sum, free, cells);
    start = end;
  }
  return cells;
}

/** The worst aspect ratio of a row, which its largest or its smallest cell has. */
function worst(largest: number, smallest: number, sum: number, side: number): number {
  const thick = (sum / side) ** 2;
  return Math.max(largest / thick, thick / smallest);
}

function layRow(row: readonly number[], sum: number, free: Cell, cells: Cell[]): Cell {
  const upright = free.width >= free.height; // The row stands at the left edge, else it lies along the top.
  const side = upright ? free.height : free.width;
  const thick = sum / side;
  let along = 0;
  for (const area of row) {
    const length = area / thick;
    cells.push(
      upright
        ? { x: free.x, y: free.y + along, width: thick, height: length }
        : { x: free.x + along, y: free.y, width: length, height: thick },
    );
    along += length;
  }
  return upright
    ? { x: free.x + thick, y: free.y, width: free.width - thick, height: free.height }
    : { x: free.x, y: free.y + thick, width: free.width, height: free.height - thick };
}
