"""Write the dashboards: ``python -m deploy.grafana``."""

from deploy.grafana.build import DASHBOARD, text
from deploy.grafana.spine import SPINE

if __name__ == "__main__":
    DASHBOARD.write_text(text(SPINE))
