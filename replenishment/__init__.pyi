from replenishment.explaining.explanation import Explanation, explain, recompute
from replenishment.explaining.sentence import sentence
from replenishment.formulas.discounts import DiscountedLot, eoq_all_units, eoq_incremental
from replenishment.formulas.dynamic_lots import DynamicLots, wagner_whitin
from replenishment.formulas.joint_lots import JointLots, joint_cost, joint_lots
from replenishment.formulas.levels import (
    Demand,
    base_stock_fill_rate,
    base_stock_for_fill_rate,
    base_stock_normal,
    base_stock_poisson,
    cycle_service,
    fill_rate,
    fill_rate_poisson,
    lead_time_demand,
    lead_time_probabilities,
    periodic_fill_rate,
    reorder_point_for_fill_rate,
    safety_stock,
)
from replenishment.formulas.loss import (
    inverse_standard_loss,
    normal_loss,
    normal_second_loss,
    poisson_loss,
    standard_loss,
    standard_second_loss,
)
from replenishment.formulas.lot_sizes import BackorderedLot, LotSize, eoq, eoq_with_backorders, epq
from replenishment.formulas.min_max import (
    MinMaxPolicy,
    min_max_cost,
    min_max_exact,
    min_max_power,
    poisson_probabilities,
)
from replenishment.formulas.newsvendor import (
    Margins,
    Newsvendor,
    critical_ratio,
    expected_profit,
    margins,
    newsvendor_continuous,
    newsvendor_discrete,
    newsvendor_empirical,
    newsvendor_normal,
    newsvendor_poisson,
    normal_cost,
    poisson_cost,
)
from replenishment.formulas.reorder_normal import (
    NormalItem,
    ReorderPolicy,
    rq_by_eoq,
    rq_by_eoq_with_backorders,
    rq_by_loss,
    rq_by_lost_units,
    rq_cost,
    rq_exact,
    rq_point_for,
)
from replenishment.formulas.reorder_poisson import rq_cost_poisson, rq_exact_poisson
from replenishment.formulas.safety_factors import (
    factor_for_occasion_cost,
    factor_for_time_between,
    factor_for_unit_cost,
)
from replenishment.lines.blocks import Paths
from replenishment.lines.lead_times import (
    LeadTimes,
    fixed_lead_times,
    lead_times_from,
    lead_times_of,
)
from replenishment.lines.lines import Lines, make_lines
from replenishment.lines.new_products import paths_of_alike, whole_units
from replenishment.lines.walk import Needs
from replenishment.ordering.costs import line_needs, order_costs, pack_grid
from replenishment.ordering.policy import KINDS, Policy, make_policy
from replenishment.ordering.proposal import Proposal
from replenishment.ordering.propose import propose_orders
from replenishment.ordering.rounding import Rounded, round_orders
from replenishment.replaying.calibrate import Beside
from replenishment.replaying.compare import (
    Outlook,
    Outlooks,
    at_fill_rate,
    compare,
    stock_saved,
)
from replenishment.replaying.deciders import (
    normal_min_max,
    on_paths,
    seasonal_naive,
    up_to,
    weeks_of_mean,
)
from replenishment.replaying.history import completed_demand
from replenishment.replaying.measures import Measures
from replenishment.replaying.replay import Moment, Replay, ReplayTerms, draws, replay
from replenishment.replaying.since import (
    Level,
    Told,
    level_from,
    level_of,
    level_since,
    moved_paths,
)
from replenishment.replaying.spread import recent_variance, spread_paths
from replenishment.sharing.budget import (
    Budgeted,
    cut_within_budget,
    parts_within_budget,
    within_budget,
)
from replenishment.sharing.echelons import in_series, pool_lines, pool_paths, share_out
from replenishment.sharing.goals import ItemTargets, spread_goal
from replenishment.sharing.receiving import Received, fit_delivery, needed_ahead
from replenishment.sharing.smoothing import Smoothed, smooth_deliveries
from replenishment.sharing.suppliers import JoinedOrder, SupplierTerms, join_order
from replenishment.sharing.transfers import Transfers, plan_transfers

__all__ = [
    "KINDS",
    "BackorderedLot",
    "Beside",
    "Budgeted",
    "Demand",
    "DiscountedLot",
    "DynamicLots",
    "Explanation",
    "ItemTargets",
    "JoinedOrder",
    "JointLots",
    "LeadTimes",
    "Level",
    "Lines",
    "LotSize",
    "Margins",
    "Measures",
    "MinMaxPolicy",
    "Moment",
    "Needs",
    "Newsvendor",
    "NormalItem",
    "Outlook",
    "Outlooks",
    "Paths",
    "Policy",
    "Proposal",
    "Received",
    "ReorderPolicy",
    "Replay",
    "ReplayTerms",
    "Rounded",
    "Smoothed",
    "SupplierTerms",
    "Told",
    "Transfers",
    "at_fill_rate",
    "base_stock_fill_rate",
    "base_stock_for_fill_rate",
    "base_stock_normal",
    "base_stock_poisson",
    "compare",
    "completed_demand",
    "critical_ratio",
    "cut_within_budget",
    "cycle_service",
    "draws",
    "eoq",
    "eoq_all_units",
    "eoq_incremental",
    "eoq_with_backorders",
    "epq",
    "expected_profit",
    "explain",
    "factor_for_occasion_cost",
    "factor_for_time_between",
    "factor_for_unit_cost",
    "fill_rate",
    "fill_rate_poisson",
    "fit_delivery",
    "fixed_lead_times",
    "in_series",
    "inverse_standard_loss",
    "join_order",
    "joint_cost",
    "joint_lots",
    "lead_time_demand",
    "lead_time_probabilities",
    "lead_times_from",
    "lead_times_of",
    "level_from",
    "level_of",
    "level_since",
    "line_needs",
    "make_lines",
    "make_policy",
    "margins",
    "min_max_cost",
    "min_max_exact",
    "min_max_power",
    "moved_paths",
    "needed_ahead",
    "newsvendor_continuous",
    "newsvendor_discrete",
    "newsvendor_empirical",
    "newsvendor_normal",
    "newsvendor_poisson",
    "normal_cost",
    "normal_loss",
    "normal_min_max",
    "normal_second_loss",
    "on_paths",
    "order_costs",
    "pack_grid",
    "parts_within_budget",
    "paths_of_alike",
    "periodic_fill_rate",
    "plan_transfers",
    "poisson_cost",
    "poisson_loss",
    "poisson_probabilities",
    "pool_lines",
    "pool_paths",
    "propose_orders",
    "recent_variance",
    "recompute",
    "reorder_point_for_fill_rate",
    "replay",
    "round_orders",
    "rq_by_eoq",
    "rq_by_eoq_with_backorders",
    "rq_by_loss",
    "rq_by_lost_units",
    "rq_cost",
    "rq_cost_poisson",
    "rq_exact",
    "rq_exact_poisson",
    "rq_point_for",
    "safety_stock",
    "seasonal_naive",
    "sentence",
    "share_out",
    "smooth_deliveries",
    "spread_goal",
    "spread_paths",
    "standard_loss",
    "standard_second_loss",
    "stock_saved",
    "up_to",
    "wagner_whitin",
    "weeks_of_mean",
    "whole_units",
    "within_budget",
]
