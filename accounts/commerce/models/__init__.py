from accounts.commerce.models.form_submission import FormSubmission
from accounts.commerce.models.order import Order, OrderLine, Payment
from accounts.commerce.models.policy import Policy

__all__ = ["FormSubmission", "Order", "OrderLine", "Payment", "Policy"]
