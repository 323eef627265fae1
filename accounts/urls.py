from django.urls import re_path

from accounts.courses.api.completions import Completions, MemberPoints
from accounts.memberships.api.members import Members
from accounts.signin import pages, views
from accounts.signin.api import passwords as api

urlpatterns = [
    re_path(r"^sign-in/?$", views.SignIn.as_view(), name="sign_in"),
    re_path(r"^sign-out/?$", views.SignOut.as_view(), name="sign_out"),
    re_path(r"^dashboard/?$", views.dashboard, name="dashboard"),
    re_path(r"^account/password/?$", pages.change_password, name="change_password"),
    re_path(r"^account/sessions/?$", pages.sign_out_elsewhere, name="sign_out_elsewhere"),
    re_path(r"^nssa/setup-password/?$", views.setup_password, name="setup_password"),
    re_path(r"^forgot-password/?$", views.forgot_password, name="forgot_password"),
    re_path(r"^link-sent/?$", views.link_sent, name="link_sent"),
    re_path(r"^language/?$", views.choose_language, name="set_language"),
    re_path(r"^api/kajabi/setup-password/?$", api.SetupPassword.as_view(), name="api_setup_password"),
    re_path(r"^api/kajabi/resend-setup-email/?$", api.ResendSetupEmail.as_view(), name="api_resend_setup_email"),
    re_path(r"^api/admin/nssa-users/?$", Members.as_view(), name="api_members"),
    re_path(r"^api/admin/users/(?P<user_id>[0-9]{1,18})/points/?$", MemberPoints.as_view(), name="api_points"),
    re_path(r"^api/completions/?$", Completions.as_view(), name="api_completions"),
    re_path(r"^api/me/?$", api.Me.as_view(), name="api_me"),
    re_path(r"^api/me/courses/?$", api.MyCourses.as_view(), name="api_my_courses"),
]
