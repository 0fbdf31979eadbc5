"""Derivatives that were written by hand, judged and explained: the public door of this package is `audit`."""

from chainrule.audits.auditing import audit
from chainrule.audits.report import AuditReport, Finding

__all__ = ["AuditReport", "Finding", "audit"]
