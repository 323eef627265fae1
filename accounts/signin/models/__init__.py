from accounts.signin.models.link_request import LinkRequest

__all__ = ["LinkRequest"]
