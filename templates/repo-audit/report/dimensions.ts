import { dimensions, type Dimension } from "../finding.ts";

/** How the report speaks of a dimension. */
export interface DimensionText {
  readonly label: string;
  /** What the dimension asks of the repository, as one question. */
  readonly asks: string;
  /** Why a finding here matters, for readers who meet it inside another tool (SARIF help). */
  readonly matters: string;
  /** Share in the total. A leaked key is worse news than an undocumented function. */
  readonly weight: number;
}

export const dimensionText: Readonly<Record<Dimension, DimensionText>> = {
  licences: {
    label: "Licences",
    asks: "May we ship everything we depend on?",
    matters: "A dependency whose licence the policy does not allow can force changes on everything that ships with it.",
    weight: 2,
  },
  secrets: {
    label: "Secrets",
    asks: "Does the repository give away a credential?",
    matters: "A credential in a repository is known to everyone who ever cloned it; deleting the line does not take it back.",
    weight: 3,
  },
  links: {
    label: "Links",
    asks: "Do the documents point at things that exist?",
    matters: "A dead link or path stops a reader at the moment they try to follow the instructions.",
    weight: 1,
  },
  hotspots: {
    label: "Hotspots",
    asks: "Which files are both hard to read and always changing?",
    matters: "Files that are complex and change often are where most defects are made, and one author alone is a risk.",
    weight: 1,
  },
  tests: {
    label: "Tests",
    asks: "Is there a test near every source file?",
    matters: "Source without any test near it can only be changed by hoping.",
    weight: 2,
  },
  docs: {
    label: "Docs",
    asks: "Are exported names explained?",
    matters: "An exported name without a comment has to be read before it can be used.",
    weight: 1,
  },
  dependencies: {
    label: "Dependencies",
    asks: "Do manifests, lockfiles and imports agree?",
    matters: "Unused, missing or drifting dependencies make installs slower, larger and different from machine to machine.",
    weight: 2,
  },
  ci: {
    label: "CI and containers",
    asks: "Are pipelines and images pinned, bounded and unprivileged?",
    matters: "An unpinned action or a root container lets somebody else's change run with your rights.",
    weight: 2,
  },
  debt: {
    label: "Debt",
    asks: "What was left for later, and how long ago?",
    matters: "A marker that nobody returned to for years is either a known defect or a wrong comment.",
    weight: 1,
  },
  files: {
    label: "Files",
    asks: "Is anything in the tree that git should not carry?",
    matters: "Large and binary files stay in every clone for ever, even after they are deleted.",
    weight: 1,
  },
};

const alternatives = dimensions.join("|");

/** The dimension a task's name speaks of (`audit links#3`), so that a gap can be laid at its door. */
export function dimensionOfTask(task: string): Dimension | null {
  const found = new RegExp(`(?<![a-z])(${alternatives})(?![a-z])`, "i").exec(task);
  return found === null ? null : (found[1]!.toLowerCase() as Dimension);
}
