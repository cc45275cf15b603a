//! The options in the parentheses of `#[plugin_export(..)]`.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Error, LitStr, Token};

use crate::mistakes::Mistakes;

mod keyword {
    syn::custom_keyword!(init);
    syn::custom_keyword!(shutdown);
    syn::custom_keyword!(save);
    syn::custom_keyword!(restore);
    syn::custom_keyword!(name);
}

/// The purpose of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    #[default]
    Export,
    Init,
    Shutdown,
    Save,
    Restore,
}

/// The options of the attribute.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) role: Role,
    pub(crate) name: Option<LitStr>,
}

impl Options {
    pub(crate) fn new(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut options = Options::default();
        let parse_all = |input: ParseStream| {
            while !input.is_empty() {
                if let Err(error) = options.parse_one(input) {
                    mistakes.push(error);
                    // The next option may be wrong too.
                    while !input.is_empty() && !input.peek(Token![,]) {
                        input.parse::<TokenTree>()?;
                    }
                }
                input.parse::<Option<Token![,]>>()?;
            }
            Ok(())
        };
        if let Err(error) = parse_all.parse2(tokens) {
            mistakes.push(error);
        }
        if let (true, Some(name)) = (options.role != Role::Export, &options.name) {
            mistakes.add(name, "a hook has no name to be looked up by");
        }
        options
    }

    fn parse_one(&mut self, input: ParseStream) -> syn::Result<()> {
        let span = input.span();
        let next = input.lookahead1();
        let role = if next.peek(keyword::init) {
            Some(Role::Init)
        } else if next.peek(keyword::shutdown) {
            Some(Role::Shutdown)
        } else if next.peek(keyword::save) {
            Some(Role::Save)
        } else if next.peek(keyword::restore) {
            Some(Role::Restore)
        } else {
            None
        };
        if let Some(role) = role {
            input.parse::<Ident>()?;
            if std::mem::replace(&mut self.role, role) != Role::Export {
                return Err(Error::new(span, "a hook is one of `init`, `shutdown`, `save` and `restore`, once"));
            }
        } else if next.peek(keyword::name) {
            input.parse::<keyword::name>()?;
            input.parse::<Token![=]>()?;
            if self.name.replace(input.parse()?).is_some() {
                return Err(Error::new(span, "`name` is given twice"));
            }
        } else {
            return Err(next.error());
        }
        if input.is_empty() || input.peek(Token![,]) { Ok(()) } else { Err(input.error("expected `,`")) }
    }
}
