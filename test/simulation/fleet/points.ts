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
    "before commit": 150,
    "after commit, before it is acknowledged": 150,
    "the database cannot be reached": 200,
    "an answer of the database is lost": 300,
    "the reply to a COMMIT is lost": 80,
    "a commit takes long": 200,
    "before a look": 200,
    "after a look": 200,
    "a signal is lost": 20,
    "before assign": 100,
    "after assign": 100,
    "before deliver": 60,
    "after deliver": 60,
    "after ack": 60,
    "before cancel is told": 2,
    "after a settle is taken": 150,
    "after acts are taken": 100,
    "an orchestrator freezes past its lease as it commits": 300,
    "a worker dies with its settle under way": 100,
    "a worker dies with its acts under way": 80,
    "a worker dies as tasks reach it": 60,
    "a link is slow": 60,
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
