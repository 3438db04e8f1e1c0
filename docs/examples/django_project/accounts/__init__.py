"""Users, organizations and memberships, as Clerk has them."""
