"""Users: the ``user.*`` events."""

from typing import Literal

from pydantic import Field

from ._base import DeletedObject, Event, Metadata, Model, Timestamp, empty_list
from .organization_membership import EmbeddedOrganizationMembership


class ClerkError(Model, frozen=True):
    """Why a verification failed. This is data, not an exception."""

    code: str | None = None
    """One word for the error, such as ``oauth_identification_claimed``."""
    message: str | None = None
    """The error in a few words."""
    long_message: str | None = None
    """The error in a sentence or two."""
    meta: Metadata = Field(default_factory=dict)
    """More details, depending on the code."""
    clerk_trace_id: str | None = None
    """Id to give to Clerk's support; not sent since 2025."""


class Verification(Model, frozen=True):
    """Whether, and how, a user proved ownership of an address, number, wallet or account.

    One model for all methods: deliveries before mid 2025 do not name the method in `object`.
    """

    object: str | None = None
    """Kind of verification: ``verification_otp``, ``verification_oauth``, ..."""
    status: str | None = None
    """``unverified``, ``verified``, ``failed``, ``expired`` or ``transferable``."""
    strategy: str | None = None
    """The method: ``email_code``, ``phone_code``, ``ticket``, ``from_oauth_google``, ..."""
    channel: str | None = None
    """How a code was sent to a phone."""
    attempts: int | None = None
    """Number of attempts."""
    expire_at: Timestamp | None = None
    """Deadline for completing it."""
    verified_at_client: str | None = None
    """Id of the client on which it was completed."""
    external_verification_redirect_url: str | None = None
    """Where to send the user to complete it (social and enterprise accounts)."""
    nonce: str | None = None
    """One-time text to be signed (wallets and passkeys)."""
    message: str | None = None
    """What the user is asked to sign (wallets and passkeys)."""
    error: ClerkError | None = None
    """Why it failed."""


class IdentificationLink(Model, frozen=True):
    """A link from an email address or phone number to the account that it came from."""

    id: str | None = None
    """Id of the other identification (``idn_...``)."""
    object: str | None = None
    """Kind of this object; Clerk's own types name it, its deliveries leave it out."""
    type: str | None = None
    """Kind of the account, such as ``oauth_google`` or ``saml``."""


class EmailAddress(Model, frozen=True):
    """An email address of a user."""

    id: str | None = None
    """Id of the address (``idn_...``), which `User.primary_email_address_id` refers to."""
    object: str | None = None
    """Kind of this object: ``email_address``."""
    email_address: str
    """The address."""
    verification: Verification | None = None
    """Whether, and how, the user proved ownership."""
    linked_to: list[IdentificationLink] = Field(default_factory=empty_list, fail_fast=True)
    """The accounts that it came from."""
    reserved: bool | None = None
    """Whether it is kept for this user before being verified."""
    matches_sso_connection: bool | None = None
    """Whether its domain belongs to an enterprise connection in use."""
    created_at: Timestamp | None = None
    """When it was added."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class PhoneNumber(Model, frozen=True):
    """A phone number of a user."""

    id: str | None = None
    """Id of the number (``idn_...``), which `User.primary_phone_number_id` refers to."""
    object: str | None = None
    """Kind of this object: ``phone_number``."""
    phone_number: str
    """The number with ``+`` and country code."""
    verification: Verification | None = None
    """Whether, and how, the user proved ownership."""
    linked_to: list[IdentificationLink] = Field(default_factory=empty_list, fail_fast=True)
    """The accounts that it came from."""
    reserved: bool | None = None
    """Whether it is kept for this user before being verified."""
    reserved_for_second_factor: bool | None = None
    """Whether it serves as a second factor."""
    default_second_factor: bool | None = None
    """Whether it is the second factor that is offered first."""
    backup_codes: list[str] | None = Field(default_factory=empty_list, fail_fast=True)
    """Codes that replace a lost phone; null where there are none to show."""
    created_at: Timestamp | None = None
    """When it was added."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class Web3Wallet(Model, frozen=True):
    """A crypto wallet of a user."""

    id: str | None = None
    """Id of the wallet (``idn_...``), which `User.primary_web3_wallet_id` refers to."""
    object: str | None = None
    """Kind of this object: ``web3_wallet``."""
    web3_wallet: str
    """Address of the wallet."""
    verification: Verification | None = None
    """Whether, and how, the user proved ownership."""
    created_at: Timestamp | None = None
    """When it was added."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class Passkey(Model, frozen=True):
    """A passkey of a user."""

    id: str | None = None
    """Id of the passkey (``idn_...``)."""
    object: str | None = None
    """Kind of this object: ``passkey``."""
    name: str | None = None
    """Name that the user or the device gave it."""
    verification: Verification | None = None
    """How it was registered."""
    last_used_at: Timestamp | None = None
    """When the user last signed in with it."""


class ExternalAccount(Model, frozen=True):
    """A social account that a user is connected with.

    Google accounts of before 2025 came with `google_id`, `given_name`, `family_name` and `picture`
    in place of `provider`, `provider_user_id`, `first_name`, `last_name`; some have both.
    """

    id: str | None = None
    """Id of the account (``idn_...``, elsewhere ``eac_...``)."""
    object: str | None = None
    """``external_account``, ``google_account`` or ``facebook_account``."""
    provider: str | None = None
    """The provider, such as ``oauth_github``."""
    identification_id: str | None = None
    """Id of the identification that belongs to it (``idn_...``)."""
    external_account_id: str | None = None
    """Id of the account (``eac_...``) where `id` is another one."""
    provider_user_id: str | None = None
    """Id of the user at the provider."""
    approved_scopes: str | None = None
    """The scopes that the user allowed, separated by spaces."""
    email_address: str | None = None
    """Email address at the provider."""
    email_address_verified: bool | None = None
    """Whether the provider has verified the address; null if that is unknown."""
    first_name: str | None = None
    """First name at the provider."""
    last_name: str | None = None
    """Last name at the provider."""
    username: str | None = None
    """Username at the provider."""
    phone_number: str | None = None
    """Phone number at the provider."""
    image_url: str | None = None
    """URL of the picture."""
    avatar_url: str | None = None
    """Older name of `image_url`."""
    label: str | None = None
    """Label that tells several accounts of one provider apart."""
    google_id: str | None = None
    """Id of the user at Google (Google accounts)."""
    given_name: str | None = None
    """First name at Google (Google accounts)."""
    family_name: str | None = None
    """Last name at Google (Google accounts)."""
    picture: str | None = None
    """URL of the picture at Google (Google accounts)."""
    public_metadata: Metadata | None = Field(default_factory=dict)
    """Data of the application, readable in the browser."""
    verification: Verification | None = None
    """Whether, and how, the account was connected."""
    created_at: Timestamp | None = None
    """When it was connected."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class SAMLAccountConnection(Model, frozen=True):
    """The SAML connection that a `SAMLAccount` signs in through."""

    id: str | None = None
    """Id of the connection."""
    name: str | None = None
    """Display name."""
    provider: str | None = None
    """The identity provider, such as ``saml_okta``."""
    domain: str | None = None
    """The email domain it serves; newer payloads have `domains`."""
    domains: list[str] = Field(default_factory=empty_list, fail_fast=True)
    """The email domains it serves."""
    active: bool | None = None
    """Whether it is in use."""
    sync_user_attributes: bool | None = None
    """Whether each sign-in brings the user's data up to date."""
    allow_subdomains: bool | None = None
    """Whether subdomains of its domains may sign in too."""
    allow_idp_initiated: bool | None = None
    """Whether a sign-in may start at the identity provider."""
    disable_additional_identifications: bool | None = None
    """Whether its users may not add addresses or numbers of their own."""
    created_at: Timestamp | None = None
    """When it was created."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class SAMLAccount(Model, frozen=True):
    """A SAML account of a user; newer payloads list it among the enterprise accounts too."""

    id: str | None = None
    """Id of the account."""
    object: str | None = None
    """Kind of this object: ``saml_account``."""
    provider: str | None = None
    """The identity provider, such as ``saml_okta``."""
    provider_user_id: str | None = None
    """Id of the user at the identity provider."""
    active: bool | None = None
    """Whether it can be used to sign in."""
    email_address: str | None = None
    """Email address at the identity provider."""
    first_name: str | None = None
    """First name at the identity provider."""
    last_name: str | None = None
    """Last name at the identity provider."""
    public_metadata: Metadata = Field(default_factory=dict)
    """Data of the application, readable in the browser."""
    verification: Verification | None = None
    """Whether, and how, the account was connected."""
    saml_connection: SAMLAccountConnection | None = None
    """The connection it signs in through."""
    last_authenticated_at: Timestamp | None = None
    """When the user last signed in with it."""


class EnterpriseAccountConnection(Model, frozen=True):
    """The enterprise connection that an `EnterpriseAccount` signs in through."""

    id: str | None = None
    """Id of the connection."""
    object: str | None = None
    """Kind of this object; Clerk's own types name it, its deliveries leave it out."""
    name: str | None = None
    """Display name."""
    protocol: str | None = None
    """``saml`` or ``oauth``."""
    provider: str | None = None
    """The identity provider, such as ``saml_okta``."""
    logo_public_url: str | None = None
    """URL of the provider's logo."""
    domain: str | None = None
    """The email domain it serves; newer payloads have `domains`."""
    domains: list[str] = Field(default_factory=empty_list, fail_fast=True)
    """The email domains it serves."""
    active: bool | None = None
    """Whether it is in use."""
    sync_user_attributes: bool | None = None
    """Whether each sign-in brings the user's data up to date."""
    allow_subdomains: bool | None = None
    """Whether subdomains of its domains may sign in too."""
    allow_idp_initiated: bool | None = None
    """Whether a sign-in may start at the identity provider."""
    disable_additional_identifications: bool | None = None
    """Whether its users may not add addresses or numbers of their own."""
    created_at: Timestamp | None = None
    """When it was created."""
    updated_at: Timestamp | None = None
    """When it was last changed."""


class EnterpriseAccount(Model, frozen=True):
    """An account of a user at an enterprise's identity provider."""

    id: str | None = None
    """Id of the account."""
    object: str | None = None
    """Kind of this object: ``enterprise_account``."""
    protocol: str | None = None
    """``saml`` or ``oauth``."""
    provider: str | None = None
    """The identity provider, such as ``saml_okta``."""
    provider_user_id: str | None = None
    """Id of the user at the identity provider."""
    active: bool | None = None
    """Whether it can be used to sign in."""
    email_address: str | None = None
    """Email address at the identity provider."""
    first_name: str | None = None
    """First name at the identity provider."""
    last_name: str | None = None
    """Last name at the identity provider."""
    public_metadata: Metadata = Field(default_factory=dict)
    """Data of the application, readable in the browser."""
    verification: Verification | None = None
    """Whether, and how, the account was connected."""
    enterprise_connection_id: str | None = None
    """Id of the connection it signs in through."""
    enterprise_connection: EnterpriseAccountConnection | None = None
    """The connection it signs in through."""
    last_authenticated_at: Timestamp | None = None
    """When the user last signed in with it."""


class SCIMUserMetadata(Model, frozen=True):
    """A user's link to the directory that provisions the account."""

    directory_id: str | None = None
    """Id of the directory."""
    directory_enabled: bool | None = None
    """Whether the directory is in use; left out if it is not."""
    external_id: str | None = None
    """Id of the user in the directory."""


class EmbeddedUser(Model, frozen=True):
    """A user as other objects show it: like `User`, but `id` may be missing."""

    id: str | None = None
    """Id of the user (``user_...``)."""
    object: str | None = None
    """Kind of this object: ``user``."""
    external_id: str | None = None
    """Id that the application gave to the user."""
    username: str | None = None
    """Username."""
    first_name: str | None = None
    """First name."""
    last_name: str | None = None
    """Last name."""
    locale: str | None = None
    """Language and region, such as ``en-US``."""
    timezone: str | None = None
    """Time zone, such as ``Europe/Berlin``; not sent before late 2026."""
    birthday: str | None = None
    """Date of birth (old users), often empty."""
    gender: str | None = None
    """Gender (old users), often empty."""
    image_url: str | None = None
    """URL of the user's picture."""
    profile_image_url: str | None = None
    """Older name of `image_url`."""
    has_image: bool | None = None
    """Whether the picture was uploaded or comes from a social account."""
    primary_email_address_id: str | None = None
    """Id of the primary one of `email_addresses`, which need not be among them."""
    primary_phone_number_id: str | None = None
    """Id of the primary one of `phone_numbers`, which need not be among them."""
    primary_web3_wallet_id: str | None = None
    """Id of the primary one of `web3_wallets`, which need not be among them."""
    email_addresses: list[EmailAddress] = Field(default_factory=empty_list, fail_fast=True)
    """All email addresses; see `primary_email_address`."""
    phone_numbers: list[PhoneNumber] = Field(default_factory=empty_list, fail_fast=True)
    """All phone numbers; see `primary_phone_number`."""
    web3_wallets: list[Web3Wallet] = Field(default_factory=empty_list, fail_fast=True)
    """All crypto wallets."""
    passkeys: list[Passkey] = Field(default_factory=empty_list, fail_fast=True)
    """All passkeys."""
    external_accounts: list[ExternalAccount] = Field(default_factory=empty_list, fail_fast=True)
    """Social accounts."""
    saml_accounts: list[SAMLAccount] = Field(default_factory=empty_list, fail_fast=True)
    """SAML accounts; newer payloads have `enterprise_accounts`."""
    enterprise_accounts: list[EnterpriseAccount] = Field(default_factory=empty_list, fail_fast=True)
    """Accounts at enterprises' identity providers."""
    organization_memberships: list[EmbeddedOrganizationMembership] | None = Field(
        default_factory=empty_list, fail_fast=True
    )
    """Memberships in organizations; live deliveries leave them out."""
    public_metadata: Metadata = Field(default_factory=dict)
    """Data of the application, readable in the browser."""
    private_metadata: Metadata | None = Field(default_factory=dict)
    """Data of the application, readable by servers only."""
    unsafe_metadata: Metadata = Field(default_factory=dict)
    """Data that the browser may write: never trust it."""
    password_enabled: bool | None = None
    """Whether the user has a password."""
    two_factor_enabled: bool | None = None
    """Whether any second factor is set up."""
    requires_password_reset: bool | None = None
    """Whether the user has to set a new password at the next sign-in; not sent before 2026."""
    totp_enabled: bool | None = None
    """Whether an authenticator app is set up."""
    backup_code_enabled: bool | None = None
    """Whether backup codes are set up."""
    mfa_enabled_at: Timestamp | None = None
    """When a second factor was last switched on; stays when it is switched off."""
    mfa_disabled_at: Timestamp | None = None
    """When the second factor was last switched off; stays when it is switched on."""
    password_last_updated_at: Timestamp | None = None
    """When the password was last set."""
    legal_accepted_at: Timestamp | None = None
    """When the user accepted the application's terms."""
    banned: bool | None = None
    """Whether the user is banned."""
    locked: bool | None = None
    """Whether the user is locked out, usually after too many failed attempts."""
    lockout_expires_in_seconds: int | None = None
    """Seconds until the lockout ends; null for a locked user means never."""
    verification_attempts_remaining: int | None = None
    """How many failed attempts are left before the lockout; null if there is no lockout."""
    deprovisioned: bool | None = None
    """Whether the user's directory has withdrawn the access."""
    delete_self_enabled: bool | None = None
    """Whether users may delete their own account."""
    create_organization_enabled: bool | None = None
    """Whether the user may create organizations."""
    create_organizations_limit: int | None = None
    """How many organizations the user may create; 0 means no limit."""
    bypass_client_trust: bool | None = None
    """Whether sign-ins skip the check of new devices."""
    scim: SCIMUserMetadata | None = None
    """Link to the directory that provisions the user."""
    last_sign_in_at: Timestamp | None = None
    """When the user last signed in."""
    last_active_at: Timestamp | None = None
    """When the user was last active, usually rounded to the day."""
    created_at: Timestamp | None = None
    """When the user was created."""
    updated_at: Timestamp | None = None
    """When the user was last changed."""

    @property
    def primary_email_address(self) -> EmailAddress | None:
        """The primary email address, or None if there is none or the payload leaves it out."""
        wanted = self.primary_email_address_id
        if wanted is None:
            return None
        return next((address for address in self.email_addresses if address.id == wanted), None)

    @property
    def primary_email(self) -> str | None:
        """The text of `primary_email_address`."""
        address = self.primary_email_address
        return address.email_address if address else None

    @property
    def primary_phone_number(self) -> PhoneNumber | None:
        """The primary phone number, or None if there is none or the payload leaves it out."""
        wanted = self.primary_phone_number_id
        if wanted is None:
            return None
        return next((number for number in self.phone_numbers if number.id == wanted), None)

    @property
    def primary_phone(self) -> str | None:
        """The text of `primary_phone_number`."""
        number = self.primary_phone_number
        return number.phone_number if number else None

    @property
    def full_name(self) -> str | None:
        """First and last name, or the one that is there, or None."""
        names = (name.strip() for name in (self.first_name, self.last_name) if name)
        return " ".join(filter(None, names)) or None


class User(EmbeddedUser, frozen=True):
    """A user."""

    id: str = Field()
    """Id of the user (``user_...``)."""


class UserCreated(Event[User], frozen=True):
    """``user.created``: somebody signed up, or the application created a user."""

    type: Literal["user.created"]


class UserUpdated(Event[User], frozen=True):
    """``user.updated``: anything about a user changed, metadata included."""

    type: Literal["user.updated"]


class UserDeleted(Event[DeletedObject], frozen=True):
    """``user.deleted``: a user was deleted."""

    type: Literal["user.deleted"]


UserEvent = UserCreated | UserUpdated | UserDeleted
"""Any event of a user."""
