// Where a fault may strike in a world with several orchestrators.
import { PointsOf, type Places } from "../crash-points.ts";
import type { Schedule } from "../schedule.ts";

export const fleetPoints = [
  // the database, as one orchestrator sees it
  "before commit",
  "after commit, before it is acknowledged",
  "the database cannot be reached",
  "an answer of the database is lost",
  "the reply to a COMMIT is lost",
  "a commit takes long",
  "before boot is stored",
  "after boot is stored",
  "before a look",
  "after a look",
  "the reply to an adoption is lost",
  "after an adoption is stored",
  "after a sweep is stored",
  "a signal is lost",
  // an orchestrator, as it speaks and listens
  "before assign",
  "after assign",
  "before deliver",
  "after deliver",
  "after ack",
  "before cancel is told",
  "after parked is told",
  "before adopted is told",
  "after adopted is told",
  "an inventory comes",
  "after a settle is taken",
  "after acts are taken",
  "an orchestrator dies",
  "an orchestrator freezes past its lease",
  "an orchestrator freezes past its lease as it commits",
  "an orchestrator freezes for a while",
  "an orchestrator drains and closes",
  // a worker, and its link
  "a worker dies while it executes",
  "a worker dies while its workflows wait",
  "a worker dies with its settle under way",
  "a worker dies with its acts under way",
  "a worker dies as tasks reach it",
  "a worker dies as it is adopted",
  "a worker freezes",
  "a link is lost",
  "a link is lost as its worker is adopted",
  "a link is slow",
  // artifacts
  "an artifact cannot be put",
  "an artifact cannot be read",
] as const;
export type FleetPoint = (typeof fleetPoints)[number];

const places: Places<FleetPoint> = {
  points: fleetPoints,
  passesMax: {
    "before commit": 50,
    "after commit, before it is acknowledged": 50,
    "the database cannot be reached": 66,
    "an answer of the database is lost": 100,
    "the reply to a COMMIT is lost": 26,
    "a commit takes long": 66,
    "before a look": 66,
    "after a look": 66,
    "a signal is lost": 6,
    "before assign": 33,
    "after assign": 33,
    "before deliver": 20,
    "after deliver": 20,
    "after ack": 20,
    "before cancel is told": 1,
    "after a settle is taken": 50,
    "after acts are taken": 33,
    "an orchestrator freezes past its lease as it commits": 100,
    "a worker dies with its settle under way": 33,
    "a worker dies with its acts under way": 26,
    "a worker dies as tasks reach it": 20,
    "a link is slow": 20,
  },
  endsLife: new Set<FleetPoint>([
    "before commit",
    "after commit, before it is acknowledged",
    "before boot is stored",
    "after boot is stored",
    "before a look",
    "after a look",
    "after an adoption is stored",
    "after a sweep is stored",
    "before assign",
    "after assign",
    "before deliver",
    "after deliver",
    "after ack",
    "before cancel is told",
    "after parked is told",
    "before adopted is told",
    "after adopted is told",
    "an inventory comes",
    "after a settle is taken",
    "after acts are taken",
    "an orchestrator dies",
    "an orchestrator freezes past its lease",
    "an orchestrator freezes past its lease as it commits",
    "an orchestrator drains and closes",
  ]),
};

export class FleetPoints extends PointsOf<FleetPoint> {
  constructor(schedule: Schedule, strike: (point: FleetPoint) => void) {
    super(places, schedule, strike);
  }
}
