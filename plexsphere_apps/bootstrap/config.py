"""What bootstrap is configured with: the stores of core, with the right to set them up."""

from attrs import frozen

from plexsphere_apps.store_settings import StoreSettings


@frozen(kw_only=True)
class BootstrapConfig(StoreSettings):
    """Nothing but the stores."""
