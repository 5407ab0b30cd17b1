"""The gate and the account: who somebody is, and what opens the door."""

from generation.web.accounts.guard import client_address
from generation.web.accounts.passwords import ChangePassword, ForgottenPassword, NewPassword
from generation.web.accounts.sign_in import SignIn, SignOut, operators_door, sign_in_rests
from generation.web.accounts.sign_up import SignUp
from generation.web.accounts.tokens import account, draw, revoke

__all__ = [
    "ChangePassword",
    "ForgottenPassword",
    "NewPassword",
    "SignIn",
    "SignOut",
    "SignUp",
    "account",
    "client_address",
    "draw",
    "operators_door",
    "revoke",
    "sign_in_rests",
]
