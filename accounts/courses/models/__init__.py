from accounts.courses.models.activity import Activity
from accounts.courses.models.certificate import CertificateCheck, CertificateState
from accounts.courses.models.completion import Completion
from accounts.courses.models.course import CourseProgress, Requirement
from accounts.courses.models.file_layout import FileLayout
from accounts.courses.models.points import PointsEntry

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
