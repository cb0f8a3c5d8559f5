"""The protocols as models that Spin checks in every order in which their steps can come."""
