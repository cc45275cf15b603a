//! The differences between two interfaces.

use super::aligned::{Aligned, is_prefix};
use super::step::Step;
use super::{Comparison, field_names};
use crate::schema::Fields;

const GROWS: &str = "an interface gets new methods only after all others, and each with a default body";

impl<'a> Comparison<'a> {
    /// Compares the methods of an interface. One side may have more methods, and must have default bodies for them: the library that
    /// made an object may lack the methods.
    pub(super) fn interfaces(&mut self, host: &'a Fields, plugin: &'a Fields) {
        let (host_names, plugin_names) = (field_names(host), field_names(plugin));
        let mut aligned = Aligned::new(&host_names, &plugin_names);
        let grows = self.growth && is_prefix(&host_names, &plugin_names);
        if grows {
            aligned.only_host.retain(|&place| !host.fields[place].defaulted);
            aligned.only_plugin.retain(|&place| !plugin.fields[place].defaulted);
        }
        if self.ends_early(&aligned) {
            return;
        }
        if let Some((host, plugin)) = &aligned.order {
            self.report(": ", |this| format!("methods in another order: {}", this.sides.lists(host, plugin)));
        }
        for (in_host, places) in [(true, &aligned.only_host), (false, &aligned.only_plugin)] {
            for &place in places {
                self.report(": ", |this| {
                    let (schema, methods) = if in_host { (this.host, host) } else { (this.plugin, plugin) };
                    let method = &methods.fields[place];
                    let body = if grows { ", and without a default body" } else { "" };
                    format!("method `{}` {}{body}", schema.method_text(method), this.sides.one(in_host))
                });
            }
        }
        if !aligned.only_host.is_empty() || !aligned.only_plugin.is_empty() {
            self.hint(GROWS);
        }
        for &(here, there) in &aligned.common {
            let (host, plugin) = (&host.fields[here], &plugin.fields[there]);
            self.within(Step::Field(&host.name), |this| {
                if host.defaulted != plugin.defaulted && !this.growth {
                    return this.report(": ", |this| format!("a default body {}", this.sides.one(host.defaulted)));
                }
                let (here, there) = (this.host.method_text(host), this.plugin.method_text(plugin));
                if here == there {
                    this.types(&host.ty, &plugin.ty);
                } else {
                    this.report(": ", |this| this.sides.both(format!("`{here}`"), format!("`{there}`")));
                }
            });
        }
    }
}
