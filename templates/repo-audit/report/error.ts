/** An error that a person can act on: what happened, where, why, and what to do about it. */
export class ReportError extends Error {
  override readonly name = "ReportError";
  readonly where: string;
  readonly fix: string;

  constructor(p: { what: string; where: string; why: string; fix: string; cause?: unknown }) {
    super(
      `${p.what}\n  where  ${p.where}\n  why    ${p.why}\n  fix    ${p.fix}`,
      p.cause === undefined ? undefined : { cause: p.cause },
    );
    this.where = p.where;
    this.fix = p.fix;
  }
}
