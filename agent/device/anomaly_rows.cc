#include "agent/device/anomaly_rows.h"

namespace linnet::device {

repo::AnomalyRow RowOf(const sensors::Anomaly& a) {
  repo::AnomalyRow row;
  row.channel = a.channel;
  row.unit = a.unit;
  row.axis = a.axis;
  row.feature = a.feature;
  row.kind = static_cast<int>(a.kind);
  row.direction = static_cast<int>(a.direction);
  row.severity = static_cast<int>(a.severity);
  row.value = a.value;
  row.baseline = a.baseline;
  row.z = a.z;
  row.start = a.start;
  row.duration = a.duration;
  row.ongoing = a.ongoing;
  return row;
}

sensors::Anomaly AnomalyOf(const repo::AnomalyRow& row) {
  sensors::Anomaly a;
  a.channel = row.channel;
  a.unit = row.unit;
  a.axis = row.axis;
  a.feature = row.feature;
  a.kind = static_cast<sensors::SensorKind>(row.kind);
  a.direction = static_cast<sensors::Direction>(row.direction);
  a.severity = static_cast<sensors::Severity>(row.severity);
  a.value = row.value;
  a.baseline = row.baseline;
  a.z = row.z;
  a.start = row.start;
  a.duration = row.duration;
  a.ongoing = row.ongoing;
  return a;
}

}  // namespace linnet::device
