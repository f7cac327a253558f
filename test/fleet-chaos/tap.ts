// In each worker process: writes down which leases arrive over its link, and which of them move to another orchestrator.
import type { ToWorker } from "../../src/protocol/worker.ts";
import { dial, type Dialed } from "../../src/worker/links/dial.ts";
import { note } from "../chaos/nemesis/history.ts";
import type { Tap } from "../chaos/nemesis/tap.ts";

interface Frame {
  readonly t: string;
  readonly m?: readonly ToWorker[];
  readonly text?: string;
  readonly last?: boolean;
}

export interface LinkTap extends Tap {
  dial(url: string): Promise<Dialed>;
}

export function linkTap(log: string, token: string): LinkTap {
  const fences = new Map<string, { task: number; leaseNo: number }>();
  // What comes again after a link broke is no other lease.
  const known = new Set<string>();
  const { pid } = process;
  note(log, { e: "hello", pid, parent: process.ppid });

  function hear(m: ToWorker): void {
    if (m.t === "assign") {
      for (const { fence, publicId } of m.tasks) {
        const { task, boot, leaseNo } = fence;
        fences.set(publicId, { task, leaseNo });
        const name = `${boot}:${task}:${leaseNo}`;
        if (!known.has(name)) note(log, { e: "assigned", pid, task, boot, leaseNo });
        known.add(name);
      }
    } else if (m.t === "adopted") {
      const { task, leaseNo } = m.fence;
      note(log, { e: "adopted", pid, task, boot: m.next.boot, leaseNo, next: m.next.leaseNo });
    }
  }

  return {
    log,
    fenceOf(publicId) {
      const fence = fences.get(publicId);
      if (!fence) throw new Error(`task ${publicId} runs here and was never assigned`);
      return fence;
    },
    mustBlock: () => false,
    async dial(url) {
      const link = await dial(url, token);
      let parts = "";
      return {
        ...link,
        listen: (on) =>
          link.listen({
            ...on,
            text(text) {
              const frame = JSON.parse(text) as Frame;
              if (frame.t === "messages") for (const m of frame.m ?? []) hear(m);
              if (frame.t === "part") {
                parts += frame.text ?? "";
                if (frame.last === true) for (const m of JSON.parse(parts.length > 0 ? parts : "[]") as ToWorker[]) hear(m);
                if (frame.last === true) parts = "";
              }
              on.text(text);
            },
          }),
      };
    },
  };
}
