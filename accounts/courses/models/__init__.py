from accounts.courses.models.certificate import CertificateCheck, CertificateState
from accounts.courses.models.course import CourseProgress, Requirement
from accounts.courses.models.file_layout import FileLayout
from accounts.courses.models.points import Activity, Completion, PointsEntry

__all__ = [
    "Activity",
    "CertificateCheck",
    "CertificateState",
    "Completion",
    "CourseProgress",
    "FileLayout",
    "PointsEntry",
    "Requirement",
]
