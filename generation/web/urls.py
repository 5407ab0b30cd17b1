"""Addresses of the pages, without trailing slashes."""

from django.urls import path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from generation.web import accounts, create, jobs, looks, miniature, pictures, state

app_name = "web"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="web:create"), name="home"),
    path("create", create.create, name="create"),
    path("create/prompt", create.read_words, name="prompt"),
    path("create/queue", create.look_at_queue, name="queue"),
    path("reference", create.show_offered, name="offered"),
    path("uploads/<int:upload_id>", create.show_upload, name="upload"),
    path("jobs/<uuid:job_id>", jobs.show, name="job"),
    path("jobs/<uuid:job_id>/live", jobs.live, name="live"),
    path("jobs/<uuid:job_id>/cancel", jobs.cancel, name="cancel"),
    path("jobs/<uuid:job_id>/retry", jobs.retry, name="retry"),
    path("jobs/<uuid:job_id>/delete", jobs.delete, name="delete"),
    path("jobs/<uuid:job_id>/picture", jobs.picture, name="picture"),
    path("jobs/<uuid:job_id>/download", jobs.download, name="download"),
    path("jobs/<uuid:job_id>/thumbnail", jobs.thumbnail, name="thumbnail"),
    path("jobs/<uuid:job_id>/preview", jobs.preview, name="preview"),
    path("pictures", pictures.pictures, name="pictures"),
    path("pictures/delete", pictures.delete, name="delete-pictures"),
    path("miniature", miniature.show, name="miniature"),
    path("state", state.show, name="state"),
    path("theme", looks.choose_theme, name="theme"),
    path("language", set_language, name="language"),
    path("sign-in", accounts.SignIn.as_view(), name="sign-in"),
    path("sign-out", accounts.SignOut.as_view(), name="sign-out"),
    path("sign-up", accounts.SignUp.as_view(), name="sign-up"),
    path("sign-up/<str:key>", accounts.SignUp.as_view(), name="invitation"),
    path("forgotten-password", accounts.ForgottenPassword.as_view(), name="forgotten-password"),
    path("new-password/<uidb64>/<token>", accounts.NewPassword.as_view(), name="new-password"),
    path("account", accounts.account, name="account"),
    path("account/password", accounts.ChangePassword.as_view(), name="change-password"),
    path("account/tokens", accounts.draw, name="draw-token"),
    path("account/tokens/<int:token_id>/revoke", accounts.revoke, name="revoke-token"),
]
